package report

import (
	"math"
	"testing"
)

func TestQuantiles(t *testing.T) {
	if q := NewQuantiles(nil); q != (Quantiles{}) {
		t.Errorf("of nothing: %+v", q)
	}
	if q := NewQuantiles([]float64{7}); q != (Quantiles{1, 7, 7, 7, 7, 7, 7}) {
		t.Errorf("of one: %+v", q)
	}
	values := make([]float64, 1000)
	for i := range values {
		values[i] = float64(len(values) - i)
	}
	if q := NewQuantiles(values); q != (Quantiles{1000, 1, 500.5, 500, 900, 990, 1000}) {
		t.Errorf("of 1 to 1000: %+v", q)
	}
}

func TestMOSOfCallers(t *testing.T) {
	if m := NewMOS(nil); m != nil {
		t.Errorf("of nobody: %+v", m)
	}
	if m := NewMOS([]float64{4, 1, 3, 2, 4, 4, 4, 4, 4, 4, 4}); *m != (MOS{1, 2, 4}) {
		t.Errorf("%+v", m)
	}
}

// Every value is in the bar that says so, and the bars are round and few.
func TestHistogram(t *testing.T) {
	if h := NewHistogram(nil); h != nil {
		t.Errorf("of nothing: %+v", h)
	}
	for _, c := range []struct {
		name        string
		values      []float64
		from, width float64
		bars        int
		beyond      int
	}{
		{"one", []float64{12.34}, 12.3, 0.1, 1, 0},
		{"zero", []float64{0, 0}, 0, 0.1, 1, 0},
		{"narrow", []float64{10, 15.9}, 10, 0.1, 60, 0},
		{"wider", []float64{10, 15.91}, 10, 0.2, 30, 0},
		{"wide", []float64{3, 28000}, 0, 500, 57, 0},
	} {
		h := NewHistogram(c.values)
		if math.Abs(h.FromMS-c.from) > 1e-9 || math.Abs(h.WidthMS-c.width) > 1e-9 || len(h.Counts) != c.bars || h.Beyond != c.beyond {
			t.Errorf("%s: %+v", c.name, h)
		}
	}
	values := make([]float64, 5000)
	for i := range values {
		values[i] = 5 + float64(i%100)/10
	}
	values[17] = 1e6
	h := NewHistogram(values)
	sum := h.Beyond
	for _, n := range h.Counts {
		sum += n
	}
	if h.Beyond != 1 || sum != len(values) || len(h.Counts) > maxBars {
		t.Errorf("%d of %d are counted, %d beyond %d bars", sum, len(values), h.Beyond, len(h.Counts))
	}
}
