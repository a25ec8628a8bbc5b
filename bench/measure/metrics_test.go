package measure

import (
	"math"
	"strings"
	"testing"
	"time"
)

const exposition = `# HELP late_seconds By how much.
# TYPE late_seconds histogram
late_seconds_bucket{le="0.002"} 99
late_seconds_bucket{le="0.001"} 50
late_seconds_bucket{le="1e-06"} 0
late_seconds_bucket{le="+Inf"} 100
late_seconds_sum 0.1
late_seconds_count 100
ticks_total 1e+03
`

func TestMetrics(t *testing.T) {
	m, err := ReadMetrics(strings.NewReader(exposition))
	if err != nil {
		t.Fatal(err)
	}
	if d := m.Since(Metrics{"ticks_total": 400}); d["ticks_total"] != 600 || d["late_seconds_count"] != 100 {
		t.Errorf("since: %v", d)
	}
	h := m.Histogram("late_seconds")
	if h.Count() != 100 || h.Over(time.Millisecond) != 50 || h.Over(2*time.Millisecond) != 1 {
		t.Errorf("%d in all, %d over 1 ms, %d over 2 ms", h.Count(), h.Over(time.Millisecond), h.Over(2*time.Millisecond))
	}
	for q, want := range map[float64]Estimate{
		0.25:  {time.Microsecond, 500500, time.Millisecond},
		0.5:   {time.Microsecond, time.Millisecond, time.Millisecond},
		0.99:  {time.Millisecond, 2 * time.Millisecond, 2 * time.Millisecond},
		0.995: {2 * time.Millisecond, 2 * time.Millisecond, math.MaxInt64},
	} {
		if got := h.Quantile(q); got != want {
			t.Errorf("quantile %v: %v, want %v", q, got, want)
		}
	}
	if sum := Histogram(nil).Add(h).Add(h); sum.Count() != 200 || sum.Quantile(0.99) != h.Quantile(0.99) {
		t.Errorf("twice the same: %v", sum)
	}
	if none := m.Histogram("early_seconds"); none.Count() != 0 || none.Quantile(0.99) != (Estimate{}) || none.Over(0) != 0 {
		t.Errorf("a histogram that is not there: %v", none)
	}
}

func TestMetricsThatAreNone(t *testing.T) {
	for _, text := range []string{"ticks_total", "ticks_total many", " 7", strings.Repeat("x", 1<<17) + " 1"} {
		if m, err := ReadMetrics(strings.NewReader(text)); err == nil {
			t.Errorf("%.20q: %v", text, m)
		}
	}
}
