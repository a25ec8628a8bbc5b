package api

import (
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/confd/confd/rooms"
)

// metrics is what /metrics tells.
type metrics struct {
	handler  http.Handler
	requests *prometheus.CounterVec
}

func newMetrics(c Config) (*metrics, error) {
	m := &metrics{requests: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "confd_http_requests_total", Help: "HTTP requests answered.",
	}, []string{"route", "code"})}
	all := append([]prometheus.Collector{
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.requests,
		roomsCollector{c.Registry},
		mediaCollector{c.Engine, c.Registry},
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "confd_build_info", Help: "Which confd this is.", ConstLabels: prometheus.Labels{"version": c.Version},
		}, func() float64 { return 1 }),
	}, c.Collectors...)
	registry := prometheus.NewRegistry()
	for _, one := range all {
		if err := registry.Register(one); err != nil {
			return nil, err
		}
	}
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Registry: registry})
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

// roomsCollector tells the figures of a registry.
type roomsCollector struct{ registry *rooms.Registry }

var (
	roomsNow = prometheus.NewDesc("confd_rooms", "Rooms that are open.", nil, nil)
	seatsNow = prometheus.NewDesc("confd_participants", "Participants in all rooms.", nil, nil)
	opened   = prometheus.NewDesc("confd_rooms_opened_total", "Rooms ever opened.", nil, nil)
	joined   = prometheus.NewDesc("confd_participants_joined_total", "Participants who ever joined.", nil, nil)
	refused  = prometheus.NewDesc("confd_participants_refused_total", "Joins that ended in an error.", nil, nil)
	events   = prometheus.NewDesc("confd_events_total", "Events published, by kind.", []string{"kind"}, nil)
	missed   = prometheus.NewDesc("confd_media_events_lost_total", "Events of the media plane that found a room's queue full.", nil, nil)
	cut      = prometheus.NewDesc("confd_event_subscribers_cut_total", "Event subscribers cut off because they did not keep up.", nil, nil)
)

func (c roomsCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{roomsNow, seatsNow, opened, joined, refused, events, missed, cut} {
		to <- d
	}
}

func (c roomsCollector) Collect(to chan<- prometheus.Metric) {
	n := c.registry.Counts()
	to <- gauge(roomsNow, n.Rooms)
	to <- gauge(seatsNow, n.Participants)
	to <- counter(opened, n.RoomsOpened)
	to <- counter(joined, n.Joined)
	to <- counter(refused, n.Refused)
	for kind, published := range n.Events {
		to <- counter(events, published, string(kind))
	}
	to <- counter(missed, n.MediaEventsLost)
	to <- counter(cut, n.SubscribersCut)
}
