package measure

import (
	"strings"
	"testing"
	"time"
)

func TestHistogramQuantile(t *testing.T) {
	m, err := ReadMetrics(strings.NewReader(`# TYPE x histogram
x_bucket{le="0.001"} 90
x_bucket{le="0.002"} 98
x_bucket{le="+Inf"} 100
x_sum 1
x_count 100
`))
	if err != nil {
		t.Fatal(err)
	}
	for q, want := range map[float64][3]time.Duration{
		0.45: {0, 500 * time.Microsecond, time.Millisecond}, 0.9: {0, time.Millisecond, time.Millisecond},
		0.92: {time.Millisecond, 1250 * time.Microsecond, 2 * time.Millisecond},
		0.99: {2 * time.Millisecond, 2 * time.Millisecond, 2 * time.Millisecond},
	} {
		if low, guess, high := HistogramQuantile(m, "x", q); [3]time.Duration{low, guess, high} != want {
			t.Errorf("quantile %v lies from %v to %v, at %v; want %v", q, low, high, guess, want)
		}
	}
	if low, guess, high := HistogramQuantile(m, "y", 0.5); low != 0 || guess != 0 || high != 0 {
		t.Errorf("of nothing: %v to %v, at %v", low, high, guess)
	}
}
