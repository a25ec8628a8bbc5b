//go:build linux

package main

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// metrics are figures by series, as /metrics words them.
type metrics map[string]float64

// since returns by how much each has grown.
func (m metrics) since(before metrics) metrics {
	d := make(metrics, len(m))
	for series, value := range m {
		d[series] = value - before[series]
	}
	return d
}

// histogram returns one that has no labels.
func (m metrics) histogram(name string) histogram {
	var h histogram
	for series, n := range m {
		edge, ok := strings.CutPrefix(series, name+`_bucket{le="`)
		if !ok {
			continue
		}
		seconds, err := strconv.ParseFloat(strings.TrimSuffix(edge, `"}`), 64)
		if err == nil {
			h = append(h, bucket{seconds, n})
		}
	}
	slices.SortFunc(h, func(a, b bucket) int {
		if a.edge < b.edge {
			return -1
		}
		return 1
	})
	return h
}

// histogram counts durations by size, the smallest first.
type histogram []bucket

type bucket struct {
	edge  float64 // upper, in seconds; of the last, infinity
	below float64 // how many are in this bucket and those before it
}

func (h histogram) count() int {
	if len(h) == 0 {
		return 0
	}
	return int(h[len(h)-1].below)
}

// over returns how many are longer than d, which is an edge.
func (h histogram) over(d time.Duration) int {
	for _, b := range h {
		if b.edge >= d.Seconds() {
			return h.count() - int(b.below)
		}
	}
	return 0
}

// add returns both together; they have the same edges, or one is empty.
func (h histogram) add(o histogram) histogram {
	sum := slices.Clone(o)
	for i := range h {
		if i == len(sum) {
			sum = append(sum, bucket{edge: h[i].edge})
		}
		sum[i].below += h[i].below
	}
	return sum
}

// quantile is what a histogram knows of a quantile: two edges, and between them a guess as
// if its bucket were evenly filled; that of the last bucket, which has no end, is its edge.
type quantile struct{ low, guess, high time.Duration }

func (h histogram) quantile(q float64) quantile {
	rank := q * float64(h.count())
	var before bucket
	for _, b := range h {
		if b.below > before.below && b.below >= rank {
			guess := before.edge
			if !math.IsInf(b.edge, 1) {
				guess += (rank - before.below) / (b.below - before.below) * (b.edge - before.edge)
			}
			return quantile{duration(before.edge), duration(guess), duration(b.edge)}
		}
		before = b
	}
	return quantile{}
}

// duration of infinity is the longest that there is.
func duration(seconds float64) time.Duration {
	if math.IsInf(seconds, 1) {
		return math.MaxInt64
	}
	return time.Duration(math.Round(seconds * 1e9))
}
