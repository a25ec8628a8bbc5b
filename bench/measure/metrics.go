package measure

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ReadMetrics reads what a server's /metrics says (Prometheus text format): figures by
// series, labels included.
func ReadMetrics(from io.Reader) (map[string]float64, error) {
	m := make(map[string]float64)
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		space := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(line[space+1:], 64)
		if space < 1 || err != nil {
			return nil, fmt.Errorf("read metrics: %q is no series and value", line)
		}
		m[line[:space]] = value
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	return m, nil
}

// HistogramQuantile returns the edges between which the q-quantile (0 to 1) of a histogram
// without labels lies, its unit seconds, and a guess as if its bucket were evenly filled; all are 0
// if nothing was observed. Of the last bucket, which has no end, all are the lower edge.
func HistogramQuantile(series map[string]float64, name string, q float64) (low, guess, high time.Duration) {
	below := make(map[float64]float64) // by upper edge
	for s, n := range series {
		edge, ok := strings.CutPrefix(s, name+`_bucket{le="`)
		seconds, err := strconv.ParseFloat(strings.TrimSuffix(edge, `"}`), 64)
		if ok && err == nil {
			below[seconds] = n
		}
	}
	rank := q * below[math.Inf(1)]
	last, before := 0.0, 0.0
	for _, edge := range slices.Sorted(maps.Keys(below)) {
		if below[edge] > 0 && below[edge] >= rank {
			part := (rank - before) / (below[edge] - before)
			if math.IsInf(edge, 1) {
				edge = last
			}
			return inSeconds(last), inSeconds(last + part*(edge-last)), inSeconds(edge)
		}
		last, before = edge, below[edge]
	}
	return 0, 0, 0
}

func inSeconds(s float64) time.Duration { return time.Duration(math.Round(s * 1e9)) }
