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
	for q, want := range map[float64][2]time.Duration{
		0.5: {0, time.Millisecond}, 0.9: {0, time.Millisecond}, 0.95: {time.Millisecond, 2 * time.Millisecond},
		0.99: {2 * time.Millisecond, 2 * time.Millisecond},
	} {
		if low, high := HistogramQuantile(m, "x", q); low != want[0] || high != want[1] {
			t.Errorf("quantile %v lies from %v to %v, want %v", q, low, high, want)
		}
	}
	if low, high := HistogramQuantile(m, "y", 0.5); low != 0 || high != 0 {
		t.Errorf("of nothing: %v to %v", low, high)
	}
}
