package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/netutil"

	"github.com/confd/confd/mixer"
	"github.com/confd/confd/rooms"
)

// Limits of what a client may demand.
const (
	maxBody        = 1 << 20          // bytes of a request's body that no route reads
	maxHeader      = 16 << 10         // bytes of a request's headers
	maxConnections = 4096             // the default of Config.MaxConnections
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

	Keys       *Keyring // nil: there are none, and no routes of theirs
	RequireKey bool     // of who is on this machine, too
	CORS       []string // origins whose pages may use the API, as https://app.example; * is all, with a key

	MaxConnections int // at a time, event streams among them; more wait; 0: 4096
	MaxWatchers    int // event streams at a time; 0: 2048

	// What follows has no routes if it is nil.
	LogLevel  *slog.LevelVar
	Calls     Calls
	Webhooks  Webhooks
	Announcer Announcer
	Sounds    Sounds
}

// Server answers HTTP requests.
type Server struct {
	config  Config
	metrics *metrics
	http    *http.Server
	handler http.Handler

	doc      huma.API
	document []byte // in JSON
	started  time.Time

	crossOrigin *http.CrossOriginProtection
	replays     replays
	texts       eventTexts
	watchers    atomic.Int64
	drain       drain

	closing     chan struct{} // closed when event streams are to end
	closingOnce sync.Once
	heartbeat   time.Duration
	writeTime   time.Duration
}

// New returns a server that does not listen yet. Error: collectors that contradict each
// other.
func New(c Config) (*Server, error) {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.MaxConnections = cmp.Or(c.MaxConnections, maxConnections)
	c.MaxWatchers = cmp.Or(c.MaxWatchers, maxWatchers)
	s := &Server{
		config: c, started: time.Now(), crossOrigin: http.NewCrossOriginProtection(),
		closing: make(chan struct{}), heartbeat: heartbeat, writeTime: writeTime,
	}
	var err error
	if s.metrics, err = newMetrics(s); err != nil {
		return nil, fmt.Errorf("api: metrics: %w", err)
	}
	if s.handler, err = s.routes(); err != nil {
		return nil, fmt.Errorf("api: document: %w", err)
	}
	s.http = &http.Server{
		Handler:           s.Handler(),
		MaxHeaderBytes:    maxHeader,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       requestTime,
		WriteTimeout:      requestTime,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(c.Logger.Handler(), slog.LevelDebug),
	}
	s.http.RegisterOnShutdown(s.endStreams)
	return s, nil
}

// Handler returns the routes.
func (s *Server) Handler() http.Handler { return s.handler }

// routes makes the router and the document, one from the other.
func (s *Server) routes() (*chi.Mux, error) {
	r := chi.NewRouter()
	r.Use(s.count, s.recover, secure, s.cors, s.identify, limitBody, middleware.GetHead)
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		WriteProblem(w, problem(http.StatusNotFound, string(rooms.NotFound), "there is nothing at "+clip(r.URL.Path)+"; /docs tells what there is"))
	})
	r.MethodNotAllowed(wrongMethod(r))
	s.doc = newDocument(r, s.config.Version)
	s.addServer(r)
	s.addRooms()
	s.addMulticast()
	s.addParticipants()
	s.addEvents()
	s.addAnnouncements()
	s.addSounds()
	s.addWebhooks()
	s.addCalls()
	s.addStats()
	s.addDrain()
	s.addLog()
	s.addKeys()
	return r, s.writeDocument()
}

// addServer makes the routes that monitors and people use.
func (s *Server) addServer(r chi.Router) {
	registry := s.doc.OpenAPI().Components.Schemas
	text := &huma.Schema{Type: huma.TypeString}
	lives := registry.Schema(reflect.TypeFor[health](), true, "")
	s.raw(r, endpoint{method: "GET", path: "/healthz", id: "health", tag: "server", summary: "Tell whether the process lives"},
		"application/json", lives, s.healthz)
	s.raw(r, endpoint{method: "GET", path: "/readyz", id: "ready", tag: "server", summary: "Tell whether new calls are welcome", problems: []string{codeNotReady}},
		"application/json", lives, s.readyz)
	s.raw(r, endpoint{method: "GET", path: "/metrics", id: "metrics", tag: "server", scope: ScopeRead, summary: "Read figures for Prometheus"},
		"text/plain", text, s.metrics.handler.ServeHTTP)
	s.raw(r, endpoint{method: "GET", path: "/openapi.json", id: "document", tag: "server", summary: "Read this document", perRoom: true},
		"application/json", &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}, s.serveDocument)
	for _, page := range docsPages {
		s.raw(r, endpoint{method: "GET", path: page.path, id: page.id, tag: "server", summary: page.summary, perRoom: true},
			page.contentType, text, page.serve)
	}
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
		WriteProblem(w, problem(http.StatusMethodNotAllowed, codeNoMethod, "the Allow header says which methods there are"))
	}
}

// Serve answers requests from l until Close. It returns nil after Close.
func (s *Server) Serve(l net.Listener) error {
	err := s.http.Serve(netutil.LimitListener(l, s.config.MaxConnections))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// endStreams ends all event streams.
func (s *Server) endStreams() { s.closingOnce.Do(func() { close(s.closing) }) }

// Close stops listening, ends event streams, lets requests finish until ctx ends, and then cuts them off.
func (s *Server) Close(ctx context.Context) error {
	s.drain.stop()
	s.endStreams()
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

// secure sets what every answer has.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// limitBody bounds what a handler can be made to read.
func limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isUpload(r) { // which has a bound of its own
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		}
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
