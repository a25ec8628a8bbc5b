package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/confd/confd/media"
	"github.com/confd/confd/mixer"
	"github.com/confd/confd/rooms"
)

// bench is a server on a real registry whose mixer runs.
type bench struct {
	*Server
	t        testing.TB
	registry *rooms.Registry
	store    *fakeStore
	keys     *fakeKeys
	dialer   *fakeDialer
	level    *slog.LevelVar
	hooks    *fakeWebhooks
	sounds   *fakeSounds
	records  *fakeCalls
}

func newBench(t testing.TB, change func(*Config, *rooms.Config)) *bench {
	t.Helper()
	b, start := newStillBench(t, change)
	start()
	return b
}

// newStillBench has a mixer that makes no tick before start, or the end of the test.
func newStillBench(t testing.TB, change func(*Config, *rooms.Config)) (b *bench, start func()) {
	t.Helper()
	engine, err := mixer.New(mixer.Config{Workers: 1, Period: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	start = sync.OnceFunc(engine.Start)
	quiet := slog.New(slog.DiscardHandler)
	b = &bench{t: t, store: &fakeStore{}, keys: &fakeKeys{kept: map[string]Key{}}, dialer: &fakeDialer{calls: make(chan *fakeCall, 16)}, level: new(slog.LevelVar),
		hooks: &fakeWebhooks{}, sounds: &fakeSounds{}, records: &fakeCalls{}}
	rc := rooms.Config{Engine: engine, Open: rooms.OpenAnyone, Logger: quiet, MaxPerRoom: 50, MaxRooms: 100, Store: b.store}
	c := Config{Engine: engine, Logger: quiet, Keys: newRing(t, nil, b.keys), LogLevel: b.level, Calls: b.records, Webhooks: b.hooks, Sounds: b.sounds, Announcer: b.sounds}
	if change != nil {
		change(&c, &rc)
	}
	b.registry = rooms.New(rc)
	b.registry.SetDialer(b.dialer)
	b.sounds.registry, c.Registry = b.registry, b.registry
	if b.Server, err = New(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		start()
		b.registry.Close()
		engine.Close()
	})
	return b, start
}

// as is the bench for another part of the test.
func (b *bench) as(t testing.TB) *bench {
	c := *b
	c.t = t
	return &c
}

// do asks from this machine; headers are name, value, name, value.
func (b *bench) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	return b.ask(b.request(method, path, strings.NewReader(body), headers...))
}

func (b *bench) request(method, path string, body io.Reader, headers ...string) *http.Request {
	r := httptest.NewRequest(method, path, body)
	r.Host, r.RemoteAddr = "localhost:8080", "127.0.0.1:9"
	if text, ok := body.(*strings.Reader); !ok || text.Len() > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// ask has a request answered, with no problem that the document does not name.
func (b *bench) ask(r *http.Request) *httptest.ResponseRecorder {
	b.t.Helper()
	w := httptest.NewRecorder()
	b.Handler().ServeHTTP(w, r)
	b.documented(r, w.Code, w.Body.Bytes())
	return w
}

func (b *bench) documented(r *http.Request, status int, body []byte) {
	b.t.Helper()
	if status < 400 {
		return
	}
	route, method := chi.NewRouteContext(), r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if !b.Handler().(chi.Routes).Match(route, method, r.URL.Path) {
		return
	}
	var p Problem
	_ = json.Unmarshal(body, &p)
	op := operationOf(b.doc.OpenAPI().Paths[route.RoutePattern()], method)
	named, _ := op.Responses["default"].Extensions["x-problems"].(map[string]int)
	if code := strings.TrimPrefix(p.Type, problemPrefix); named[code] != status {
		b.t.Errorf("%s answers %d %s, and its document names %v", op.OperationID, status, code, named)
	}
}

// want asks, and wants a status; the answer's body goes into to, if it is not nil.
func (b *bench) want(status int, method, path, body string, to any, headers ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	w := b.do(method, path, body, headers...)
	if w.Code != status {
		b.t.Fatalf("%s %s %s: %d %s, want %d", method, path, body, w.Code, w.Body, status)
	}
	if to != nil {
		d := json.NewDecoder(bytes.NewReader(w.Body.Bytes()))
		d.DisallowUnknownFields()
		if err := d.Decode(to); err != nil {
			b.t.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
		}
	}
	return w
}

// mute is a phone that says nothing and takes everything.
type silent struct{}

func (silent) Poll(int64, int, media.Receiver) int { return 0 }
func (silent) Send(*media.Outgoing)                {}

var pcmu = media.Format{Codec: media.PCMU, ClockRate: 8000, SampleRate: 8000, Channels: 1, PacketTime: 20 * time.Millisecond}

func phone() rooms.Media {
	m := rooms.Media{Source: silent{}, Sink: silent{}, Send: mixer.OutputConfig{Format: pcmu}}
	m.Receive.Formats = map[uint8]media.Format{0: pcmu}
	return m
}

// join has a phone call a room.
func (b *bench) join(room rooms.Name, name string) *rooms.Participant {
	b.t.Helper()
	p, err := b.registry.Join(context.Background(), rooms.JoinRequest{
		Room: room, Trusted: true, Media: phone(), Info: rooms.Info{URI: "sip:" + name + "@example.com", DisplayName: name, Direction: rooms.Inbound},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}
