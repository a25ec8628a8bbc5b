package measure

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Histogram returns the histogram of a name that has no labels; its unit is seconds.
func (m Metrics) Histogram(name string) Histogram {
	var h Histogram
	for series, n := range m {
		edge, ok := strings.CutPrefix(series, name+`_bucket{le="`)
		if !ok {
			continue
		}
		seconds, err := strconv.ParseFloat(strings.TrimSuffix(edge, `"}`), 64)
		if err == nil {
			h = append(h, Bucket{seconds, n})
		}
	}
	slices.SortFunc(h, func(a, b Bucket) int { return cmp.Compare(a.Edge, b.Edge) })
	return h
}

// Histogram counts durations by size, the smallest first.
type Histogram []Bucket

// Bucket is one size.
type Bucket struct {
	Edge  float64 // upper, in seconds; of the last, infinity
	Below float64 // how many are in this bucket and those before it
}

// Count returns how many durations there are.
func (h Histogram) Count() int {
	if len(h) == 0 {
		return 0
	}
	return int(h[len(h)-1].Below)
}

// Over returns how many are longer than d, which is an edge.
func (h Histogram) Over(d time.Duration) int {
	for _, b := range h {
		if b.Edge >= d.Seconds() {
			return h.Count() - int(b.Below)
		}
	}
	return 0
}

// Add returns both together; they have the same edges, or one is empty.
func (h Histogram) Add(o Histogram) Histogram {
	sum := slices.Clone(o)
	for i := range h {
		if i == len(sum) {
			sum = append(sum, Bucket{Edge: h[i].Edge})
		}
		sum[i].Below += h[i].Below
	}
	return sum
}

// Estimate is what a histogram knows of a quantile: two edges, and between them a guess as
// if its bucket were evenly filled; that of the last bucket, which has no end, is its edge.
type Estimate struct{ Low, Guess, High time.Duration }

// Quantile returns the q-quantile (0 to 1); nothing if there are no durations.
func (h Histogram) Quantile(q float64) Estimate {
	rank := q * float64(h.Count())
	var before Bucket
	for _, b := range h {
		if b.Below > before.Below && b.Below >= rank {
			guess := before.Edge
			if !math.IsInf(b.Edge, 1) {
				guess += (rank - before.Below) / (b.Below - before.Below) * (b.Edge - before.Edge)
			}
			return Estimate{duration(before.Edge), duration(guess), duration(b.Edge)}
		}
		before = b
	}
	return Estimate{}
}

// duration of infinity is the longest that there is.
func duration(seconds float64) time.Duration {
	if math.IsInf(seconds, 1) {
		return math.MaxInt64
	}
	return time.Duration(math.Round(seconds * 1e9))
}
