package measure

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
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
