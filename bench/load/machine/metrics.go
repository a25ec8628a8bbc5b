//go:build linux

package machine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Metrics is a Probe of a page of metrics in Prometheus's text format.
type Metrics struct {
	url, key string
	client   *http.Client
}

// Names of the figures that a page must have.
const (
	nameCPU = "process_cpu_seconds_total"
	nameRSS = "process_resident_memory_bytes"
)

// Bounds of a page.
const (
	maxPage   = 64 << 20
	maxLine   = 1 << 20
	pageLimit = 5 * time.Second
)

// ByMetrics looks at the page at an http or https address, with an access key if that is
// not empty. The error says what is wrong with the address; whether the page is of use shows
// at the first Sample.
func ByMetrics(address, key string) (*Metrics, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("machine: %q is no address of a page of metrics, as http://127.0.0.1:8080/metrics is", address)
	}
	return &Metrics{u.String(), key, &http.Client{Timeout: pageLimit}}, nil
}

// String tells the address.
func (m *Metrics) String() string { return m.url }

// Sample reads the page.
func (m *Metrics) Sample(ctx context.Context) (Sample, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.url, nil)
	if err != nil {
		return Sample{}, fmt.Errorf("machine: %w", err)
	}
	if m.key != "" {
		request.Header.Set("Authorization", "Bearer "+m.key)
	}
	answer, err := m.client.Do(request)
	if err != nil {
		return Sample{}, fmt.Errorf("machine: %w", err)
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized, http.StatusForbidden:
		return Sample{}, fmt.Errorf("machine: %s answers %s: it wants an access key that may read metrics", m.url, answer.Status)
	default:
		return Sample{}, fmt.Errorf("machine: %s answers %s, want 200 and metrics", m.url, answer.Status)
	}
	s, err := readSample(io.LimitReader(answer.Body, maxPage))
	s.At = time.Now()
	if err != nil {
		return s, fmt.Errorf("machine: %s: %w", m.url, err)
	}
	return s, nil
}

// readSample takes what it needs from a page. A figure with labels counts once for each.
func readSample(page io.Reader) (s Sample, err error) {
	sums, series := map[string]float64{}, 0
	lines := bufio.NewScanner(page)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		name, value, err := readLine(lines.Text())
		if err != nil {
			return s, err
		}
		if name != "" {
			series++
		}
		if name == nameCPU || name == nameRSS {
			sums[name] += value
		}
	}
	if err := lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			return s, fmt.Errorf("a line of more than %d bytes: this is no page of metrics", maxLine)
		}
		return s, fmt.Errorf("read metrics: %w", err)
	}
	for _, name := range []string{nameCPU, nameRSS} {
		v, ok := sums[name]
		switch {
		case !ok:
			return s, fmt.Errorf("%s is not among the %d figures of the page; confd has it, and so have other servers with Prometheus's process metrics", name, series)
		case !(v >= 0 && v < 1e15):
			return s, fmt.Errorf("%s is %v, want 0 or more", name, v)
		}
	}
	s.CPU = time.Duration(math.Min(sums[nameCPU]*1e9, math.MaxInt64/2))
	s.RSS = int64(sums[nameRSS])
	return s, nil
}

// readLine reads NAME[{LABELS}] VALUE [TIME]; name is empty for a line that is none.
func readLine(line string) (name string, value float64, err error) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return "", 0, nil
	}
	end := strings.IndexAny(line, "{ \t")
	if end < 1 {
		return "", 0, fmt.Errorf("%.60q is no metric: want a name and a value", line)
	}
	name, rest := line[:end], line[end:]
	if rest[0] == '{' {
		rest = afterLabels(rest)
	}
	words := strings.Fields(rest)
	if len(words) < 1 || len(words) > 2 {
		return "", 0, fmt.Errorf("%.60q is no metric: want a name and a value", line)
	}
	if value, err = strconv.ParseFloat(words[0], 64); err != nil {
		return "", 0, fmt.Errorf("%.60q is no metric: its value %.30q is no number", line, words[0])
	}
	return name, value, nil
}

// afterLabels returns what follows the brace that closes labels, within whose quotes braces
// and escaped quotes mean nothing; nothing if there is none.
func afterLabels(s string) string {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '}' && !quoted:
			return s[i+1:]
		}
	}
	return ""
}
