package api

import (
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/confd/confd/mixer"
)

// collectorFigures are those of the runtime that tell live memory from garbage, and what was
// given back to the system.
var collectorFigures = collectors.GoRuntimeMetricsRule{
	Matcher: regexp.MustCompile(`^/gc/heap/(live|goal):bytes$|^/gc/cycles/(total|forced):gc-cycles$`),
}

// metrics is what /metrics tells.
type metrics struct {
	registry *prometheus.Registry
	handler  http.Handler
	requests *prometheus.CounterVec
}

func newMetrics(s *Server) (*metrics, error) {
	c := &s.config
	m := &metrics{registry: prometheus.NewRegistry(), requests: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "confd_http_requests_total", Help: "HTTP requests answered.",
	}, []string{"route", "code"})}
	all := append([]prometheus.Collector{
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(collectorFigures)),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.requests,
		Tell(s.figures, httpFigures...),
		Tell(c.Registry.Counts, roomFigures...),
		Tell(c.Registry.MediaTotals, mediaFigures...),
		Tell(c.Engine.Stats, mixerFigures...),
		Tell(c.Engine.Load, loadFigures...),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "confd_build_info", Help: "Which confd this is.", ConstLabels: prometheus.Labels{"version": c.Version},
		}, func() float64 { return 1 }),
	}, c.Collectors...)
	for _, one := range all {
		if err := m.registry.Register(one); err != nil {
			return nil, err
		}
	}
	m.handler = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Registry: m.registry})
	return m, nil
}

// count counts requests by route, never by path, so that nobody can mint series.
func (s *Server) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		defer func() {
			route := chi.RouteContext(r.Context()).RoutePattern()
			if route == "" {
				route = "none"
			}
			s.metrics.requests.WithLabelValues(route, strconv.Itoa(max(seen.Status(), 0))).Inc()
		}()
		next.ServeHTTP(seen, r)
	})
}

// httpStats are the figures of the API itself.
type httpStats struct {
	Keys             int
	Watchers         int64
	Repeatable       int
	RepeatableMemory int
}

var httpFigures = []Figure{
	One("Keys", "confd_http_keys", "Access keys that there are."),
	One("Watchers", "confd_http_event_streams", "Event streams that are open."),
	One("Repeatable", "confd_http_repeatable_answers", "Answers kept for requests with an Idempotency-Key that are sent again."),
	One("RepeatableMemory", "confd_http_repeatable_bytes", "About how much memory these take."),
}

func (s *Server) figures() httpStats {
	s.replays.mu.Lock()
	defer s.replays.mu.Unlock()
	return httpStats{s.config.Keys.Len(), s.watchers.Load(), s.replays.order.Len(), s.replays.bytes}
}

// Figure is a metric that fields of a snapshot tell: a counter if its name ends in _total, a
// histogram if the field is one, else a gauge. Durations are seconds, true is 1.
type Figure struct {
	desc   *prometheus.Desc
	kind   prometheus.ValueType
	fields map[string]string // paths by the label's value; of a map by ""
}

// One is the figure of one field.
func One(field, name, help string) Figure {
	return newFigure(name, help, nil, map[string]string{"": field})
}

// Each is the figure of a field that is a map: its keys are the values of the label.
func Each(label, field, name, help string) Figure {
	return newFigure(name, help, []string{label}, map[string]string{"": field})
}

// By is the figure of several fields, each under its value of the label. A field within a
// field is written A.B, an element of an array A.0.
func By(label, name, help string, fields map[string]string) Figure {
	return newFigure(name, help, []string{label}, fields)
}

func newFigure(name, help string, labels []string, fields map[string]string) Figure {
	kind := prometheus.GaugeValue
	if strings.HasSuffix(name, "_total") {
		kind = prometheus.CounterValue
	}
	return Figure{prometheus.NewDesc(name, help, labels, nil), kind, fields}
}

// figures tells the figures of a snapshot.
type figures[S any] struct {
	read func() S
	all  []Figure
}

// Tell returns what tells figures of the snapshots that read returns, which are structs.
func Tell[S any](read func() S, all ...Figure) prometheus.Collector { return figures[S]{read, all} }

// Describe implements prometheus.Collector.
func (f figures[S]) Describe(to chan<- *prometheus.Desc) {
	for _, g := range f.all {
		to <- g.desc
	}
}

// Collect implements prometheus.Collector.
func (f figures[S]) Collect(to chan<- prometheus.Metric) {
	s := reflect.ValueOf(f.read())
	for _, g := range f.all {
		for label, path := range g.fields {
			switch v := fieldAt(s, path); {
			case v.Kind() == reflect.Map:
				for key, n := range v.Seq2() {
					to <- g.metric(n, fmt.Sprint(key))
				}
			case label == "":
				to <- g.metric(v)
			default:
				to <- g.metric(v, label)
			}
		}
	}
}

func fieldAt(v reflect.Value, path string) reflect.Value {
	for name := range strings.SplitSeq(path, ".") {
		if i, err := strconv.Atoi(name); err == nil {
			v = v.Index(i)
		} else {
			v = v.FieldByName(name)
		}
	}
	return v
}

func (g *Figure) metric(v reflect.Value, labels ...string) prometheus.Metric {
	if s, ok := v.Interface().(mixer.HistogramSnapshot); ok {
		return histogram(g.desc, &s, labels...)
	}
	return prometheus.MustNewConstMetric(g.desc, g.kind, number(v), labels...)
}

func number(v reflect.Value) float64 {
	switch n := v.Interface().(type) {
	case time.Duration:
		return n.Seconds()
	case bool:
		if n {
			return 1
		}
		return 0
	}
	return v.Convert(reflect.TypeFor[float64]()).Float()
}

// histogram tells a mixer's histogram as Prometheus counts: each bucket with all below it.
func histogram(d *prometheus.Desc, s *mixer.HistogramSnapshot, labels ...string) prometheus.Metric {
	bounds := s.Bounds()
	buckets := make(map[float64]uint64, len(bounds))
	var n uint64
	for i, bound := range bounds {
		n += s.Buckets[i]
		buckets[bound] = n
	}
	return prometheus.MustNewConstHistogram(d, s.Count(), s.Sum.Seconds(), buckets, labels...)
}

// Untold returns the fields of a snapshot that no figure tells, by path: what is counted is
// to be seen.
func Untold(snapshot reflect.Type, all ...Figure) (untold []string) {
	told := map[string]bool{}
	for _, g := range all {
		for _, path := range g.fields {
			told[path] = true
		}
	}
	for _, path := range leaves(nil, "", snapshot) {
		if !told[path] {
			untold = append(untold, path)
		}
	}
	return untold
}

// leaves adds the paths of all fields that are no structs or arrays of further ones.
func leaves(to []string, path string, t reflect.Type) []string {
	switch {
	case t.Kind() == reflect.Array:
		for i := range t.Len() {
			to = leaves(to, path+"."+strconv.Itoa(i), t.Elem())
		}
	case t.Kind() != reflect.Struct || t == reflect.TypeFor[mixer.HistogramSnapshot]():
		to = append(to, strings.TrimPrefix(path, "."))
	default:
		for i := range t.NumField() {
			if f := t.Field(i); f.Anonymous {
				to = leaves(to, path, f.Type)
			} else {
				to = leaves(to, path+"."+f.Name, f.Type)
			}
		}
	}
	return to
}
