package report

import (
	"math"
	"slices"
)

// Quantiles describe N values; if there are none, all is 0.
type Quantiles struct {
	N    int     `json:"n"`
	Min  float64 `json:"min"`
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	Max  float64 `json:"max"`
}

// NewQuantiles describes values, which it sorts. A quantile is the smallest of them that at
// least that share does not exceed.
func NewQuantiles(values []float64) Quantiles {
	if len(values) == 0 {
		return Quantiles{}
	}
	slices.Sort(values)
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	n := len(values)
	return Quantiles{N: n, Min: values[0], Mean: sum / float64(n), P50: quantile(values, 0.5), P90: quantile(values, 0.9),
		P99: quantile(values, 0.99), Max: values[n-1]}
}

// quantile takes sorted values, at least one.
func quantile(sorted []float64, q float64) float64 {
	return sorted[max(int(math.Ceil(q*float64(len(sorted))))-1, 0)]
}

// NewMOS describes the scores of callers, which it sorts; nil if there are none.
func NewMOS(scores []float64) *MOS {
	if len(scores) == 0 {
		return nil
	}
	slices.Sort(scores)
	return &MOS{Min: scores[0], P10: quantile(scores, 0.1), Median: quantile(scores, 0.5)}
}

// Histogram counts values in bars of equal width: Counts[i] are those from
// FromMS + i*WidthMS to below FromMS + (i+1)*WidthMS.
type Histogram struct {
	FromMS  float64 `json:"from_ms"`
	WidthMS float64 `json:"width_ms"`
	Counts  []int   `json:"counts"`
	Beyond  int     `json:"beyond"` // values past the last bar
}

// maxBars bounds a histogram.
const maxBars = 60

// NewHistogram counts values, which must not be negative; nil if there are none. The bars
// reach to the 99.9th percentile at least, so that a few that are far off leave the rest
// legible; their width is 1, 2 or 5 times a power of ten, 0.1 ms or more.
func NewHistogram(values []float64) *Histogram {
	if len(values) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(values))
	low, high := sorted[0], quantile(sorted, 0.999)
	h := &Histogram{WidthMS: barWidth(high - low)}
	h.FromMS = math.Floor(low/h.WidthMS) * h.WidthMS
	h.Counts = make([]int, int((high-h.FromMS)/h.WidthMS)+1)
	for _, v := range sorted {
		if i := int((v - h.FromMS) / h.WidthMS); i < len(h.Counts) {
			h.Counts[i]++
		} else {
			h.Beyond++
		}
	}
	return h
}

// barWidth is the least round one with which at most maxBars - 1 cover so much: one more may
// be needed, since the first begins at a multiple of it.
func barWidth(span float64) float64 {
	for unit := 0.1; ; unit *= 10 {
		for _, times := range []float64{1, 2, 5} {
			if w := unit * times; span <= w*(maxBars-1) {
				return w
			}
		}
	}
}
