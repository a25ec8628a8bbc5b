package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/netutil"

	"github.com/confd/confd/mixer"
	"github.com/confd/confd/rooms"
)

// Limits of what a client may demand.
const (
	maxBody        = 1 << 20          // bytes of a request's body
	maxHeader      = 16 << 10         // bytes of a request's headers
	maxConnections = 512              // at a time
	requestTime    = 20 * time.Second // for one request, from first byte to last
)

// Config is what a [Server] needs.
type Config struct {
	Engine   *mixer.Engine
	Registry *rooms.Registry
	// NotReady returns why the server should get no new calls, nothing if it should.
	NotReady func() []Reason
	// Collectors are what /metrics tells beside rooms, mixer and Go runtime.
	Collectors []prometheus.Collector
	Version    string       // as /healthz tells it
	Logger     *slog.Logger // slog.Default if nil
}

// Server answers HTTP requests.
type Server struct {
	config  Config
	metrics *metrics
	http    *http.Server
}

// New returns a server that does not listen yet. Error: collectors that contradict each
// other.
func New(c Config) (*Server, error) {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	m, err := newMetrics(c)
	if err != nil {
		return nil, fmt.Errorf("api: metrics: %w", err)
	}
	s := &Server{config: c, metrics: m}
	s.http = &http.Server{
		Handler:           s.Handler(),
		MaxHeaderBytes:    maxHeader,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       requestTime,
		WriteTimeout:      requestTime,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(c.Logger.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Handler returns the routes.
func (s *Server) Handler() http.Handler {
	r := chi.NewRouter()
	r.Use(s.count, s.recover, loopbackOnly, limitBody, middleware.GetHead)
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		WriteProblem(w, problem(http.StatusNotFound, "not_found", "there is nothing at "+clip(r.URL.Path)))
	})
	r.MethodNotAllowed(wrongMethod(r))
	r.Get("/healthz", s.healthz)
	r.Get("/readyz", s.readyz)
	r.Method(http.MethodGet, "/metrics", s.metrics.handler)
	return r
}

// wrongMethod answers where a path is right and the method is not.
func wrongMethod(routes chi.Routes) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var allow []string
		for _, m := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
			asGet := m
			if m == "HEAD" {
				asGet = "GET"
			}
			if routes.Match(chi.NewRouteContext(), asGet, r.URL.Path) {
				allow = append(allow, m)
			}
		}
		w.Header().Set("Allow", strings.Join(allow, ", "))
		WriteProblem(w, problem(http.StatusMethodNotAllowed, "method_not_allowed", "the Allow header says which methods there are"))
	}
}

// Serve answers requests from l until Close. It returns nil after Close.
func (s *Server) Serve(l net.Listener) error {
	err := s.http.Serve(netutil.LimitListener(l, maxConnections))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Close stops listening, lets requests finish until ctx ends, and then cuts them off.
func (s *Server) Close(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(err, s.http.Close())
	}
	return nil
}

// recover answers for a handler that panicked.
func (s *Server) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler {
				panic(v)
			}
			s.config.Logger.Error("fault in an HTTP handler", "path", clip(r.URL.Path), "panic", v, "stack", string(debug.Stack()))
			WriteProblem(w, problem(http.StatusInternalServerError, string(rooms.Internal), "a fault of the server; its log tells more"))
		}()
		next.ServeHTTP(w, r)
	})
}

// limitBody bounds what a handler can be made to read.
func limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// clip bounds what a client wrote where it is told or logged.
func clip(s string) string {
	if len(s) > 200 {
		s = s[:200] + "..."
	}
	return fmt.Sprintf("%q", s)
}
