package measure

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Metrics are what a server's /metrics says: figures by series, labels included.
type Metrics map[string]float64

// ReadMetrics reads them (Prometheus text format).
func ReadMetrics(from io.Reader) (Metrics, error) {
	m := make(Metrics)
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

// Since returns by how much each has grown.
func (m Metrics) Since(before Metrics) Metrics {
	d := make(Metrics, len(m))
	for series, value := range m {
		d[series] = value - before[series]
	}
	return d
}
