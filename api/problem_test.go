package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/mixer"
	"github.com/confd/confd/rooms"
)

// notOverHTTP are codes that no request can provoke: the path always has a name, locks hold
// for callers alone, and load is admitted where calls come in.
var notOverHTTP = []string{"no_room_name", "locked"}

// provocations have each problem happen.
var provocations = map[string]struct {
	status int
	happen func(t *testing.T) *httptest.ResponseRecorder
}{
	"invalid":   {422, on(func(b *bench) *httptest.ResponseRecorder { return b.do("POST", "/v1/rooms", `{"talkers":65}`) })},
	"malformed": {400, on(func(b *bench) *httptest.ResponseRecorder { return b.do("POST", "/v1/rooms", `{`) })},
	"unsupported_media_type": {415, on(func(b *bench) *httptest.ResponseRecorder {
		return b.do("POST", "/v1/rooms", `{}`, "Content-Type", "text/plain")
	})},
	"too_large": {413, on(func(b *bench) *httptest.ResponseRecorder {
		return b.do("POST", "/v1/rooms", `{"name":"`+strings.Repeat("x", 70000)+`"}`)
	})},
	"not_found":          {404, on(func(b *bench) *httptest.ResponseRecorder { return b.do("GET", "/v1/rooms/none", "") })},
	"method_not_allowed": {405, on(func(b *bench) *httptest.ResponseRecorder { return b.do("PUT", "/v1/rooms", "") })},
	"unauthorized": {401, on(func(b *bench) *httptest.ResponseRecorder {
		return b.do("GET", "/v1/rooms", "", "Authorization", "Bearer wrong")
	})},
	"forbidden": {403, on(func(b *bench) *httptest.ResponseRecorder {
		return b.do("POST", "/v1/rooms", `{}`, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")
	})},
	"exists": {409, on(func(b *bench) *httptest.ResponseRecorder {
		b.want(201, "POST", "/v1/rooms", `{"id":"a"}`, nil)
		return b.do("POST", "/v1/rooms", `{"id":"A"}`)
	})},
	"full": {409, on(func(b *bench) *httptest.ResponseRecorder {
		for range 100 {
			b.want(201, "POST", "/v1/rooms", `{}`, nil)
		}
		return b.do("POST", "/v1/rooms", `{}`)
	})},
	"conflict": {409, on(func(b *bench) *httptest.ResponseRecorder {
		b.want(201, "POST", "/v1/rooms", `{"id":"a"}`, nil)
		b.want(201, "POST", "/v1/rooms", `{"id":"b"}`, nil)
		var p Participant
		b.want(201, "POST", "/v1/rooms/a/participants", `{"to":"sip:x@example.com"}`, &p)
		return b.do("POST", "/v1/rooms/a/participants/"+p.ID+"/move", `{"room":"b"}`)
	})},
	"precondition_failed": {412, on(func(b *bench) *httptest.ResponseRecorder {
		b.want(201, "POST", "/v1/rooms", `{"id":"a"}`, nil)
		return b.do("PATCH", "/v1/rooms/a", `{"locked":true}`, "If-Match", `"1"`)
	})},
	"idempotency_key_reused": {422, on(func(b *bench) *httptest.ResponseRecorder {
		b.want(201, "POST", "/v1/rooms", `{"id":"a"}`, nil, "Idempotency-Key", "k")
		return b.do("POST", "/v1/rooms", `{"id":"b"}`, "Idempotency-Key", "k")
	})},
	"overloaded": {503, on(func(b *bench) *httptest.ResponseRecorder {
		b.watchers.Store(maxWatchers)
		return b.do("GET", "/v1/events", "")
	})},
	"draining": {503, on(func(b *bench) *httptest.ResponseRecorder {
		b.want(200, "POST", "/v1/drain", `{}`, nil)
		return b.do("POST", "/v1/rooms", `{}`)
	})},
	"not_ready": {503, func(t *testing.T) *httptest.ResponseRecorder {
		b := newBench(t, func(c *Config, _ *rooms.Config) { c.NotReady = func() []Reason { return []Reason{{"draining", "x"}} } })
		return b.do("GET", "/readyz", "")
	}},
	"timed_out": {504, func(t *testing.T) *httptest.ResponseRecorder {
		return stopped(t)
	}},
	"request_timeout": {408, on(func(b *bench) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/v1/rooms", lateBody{})
		r.Host, r.RemoteAddr = "localhost", "127.0.0.1:9"
		w := httptest.NewRecorder()
		b.Handler().ServeHTTP(w, r)
		return w
	})},
	"internal": {500, func(t *testing.T) *httptest.ResponseRecorder {
		b := newBench(t, func(_ *Config, r *rooms.Config) { r.Store = brokenStore{} })
		return b.do("POST", "/v1/rooms", `{}`)
	}},
}

func on(f func(*bench) *httptest.ResponseRecorder) func(*testing.T) *httptest.ResponseRecorder {
	return func(t *testing.T) *httptest.ResponseRecorder { return f(newBench(t, nil)) }
}

// stopped patches a participant while no tick comes, for a client that waits a moment.
func stopped(t *testing.T) *httptest.ResponseRecorder {
	engine, err := mixer.New(mixer.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	registry := rooms.New(rooms.Config{Engine: engine, Open: rooms.OpenAnyone, Logger: slog.New(slog.DiscardHandler)})
	p, err := registry.Join(context.Background(), rooms.JoinRequest{Room: "a", Media: phone()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Engine: engine, Registry: registry})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	r := httptest.NewRequest("PATCH", "/v1/rooms/a/participants/"+p.ID(), strings.NewReader(`{"muted":true}`)).WithContext(ctx)
	r.Host, r.RemoteAddr = "localhost", "127.0.0.1:9"
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	engine.Start()
	registry.Close()
	engine.Close()
	return w
}

// lateBody is one whose deadline passes.
type lateBody struct{}

func (lateBody) Read([]byte) (int, error) { return 0, lateError{} }

type lateError struct{}

func (lateError) Error() string   { return "late" }
func (lateError) Timeout() bool   { return true }
func (lateError) Temporary() bool { return true }

type brokenStore struct{}

func (brokenStore) SaveRoom(rooms.Definition) error { return errors.New("the secret disk is gone") }
func (brokenStore) DeleteRoom(rooms.Name) error     { return nil }

func TestEveryProblem(t *testing.T) {
	for code, c := range provocations {
		t.Run(code, func(t *testing.T) {
			w := c.happen(t)
			p := wantProblem(t, w, c.status, code)
			if p.Detail == "" || strings.Contains(p.Detail, "secret") {
				t.Errorf("detail %q", p.Detail)
			}
			if (w.Header().Get("Retry-After") != "") != (c.status == 503) {
				t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
			}
		})
	}
}

// A problem names the field at fault and what would be right.
func TestProblemsNameTheField(t *testing.T) {
	b := newBench(t, nil)
	b.want(201, "POST", "/v1/rooms", `{"id":"a"}`, nil)
	for _, c := range []struct {
		method, path, body string
		status             int
		field, location    string
		says               string
	}{
		{"POST", "/v1/rooms", `{"talkers":65}`, 422, "talkers", "body.talkers", "<= 64"},
		{"POST", "/v1/rooms", `{"talkers":"x"}`, 422, "talkers", "body.talkers", "integer"},
		{"POST", "/v1/rooms", `{"talkers":1.5}`, 422, "talkers", "body.talkers", "integer"},
		{"POST", "/v1/rooms", `{"talker":1}`, 422, "talker", "body.talker", "talkers"},
		{"POST", "/v1/rooms", `{"admission":"all"}`, 422, "admission", "body.admission", "anyone, private, invited"},
		{"POST", "/v1/rooms", `{"sample_rate":44100}`, 422, "sample_rate", "body.sample_rate", "48000"},
		{"POST", "/v1/rooms", `{"empty_timeout":-1}`, 422, "empty_timeout", "body.empty_timeout", ">= 0"},
		{"POST", "/v1/rooms", `{"metadata":[]}`, 422, "metadata", "body.metadata", "object"},
		{"POST", "/v1/rooms", `{"metadata":{"a":"` + strings.Repeat("x", 4096) + `"}}`, 422, "metadata", "body.metadata", "4096"},
		{"POST", "/v1/rooms", `{"max_participants":51}`, 422, "max_participants", "body.max_participants", "50"},
		{"POST", "/v1/rooms", `{"id":"a b"}`, 422, "id", "body.id", "a-z"},
		{"POST", "/v1/rooms", `{"id":"a%20"}`, 422, "id", "body.id", "a-z"},
		{"POST", "/v1/rooms", `{"id":""}`, 422, "id", "body.id", "length"},
		{"POST", "/v1/rooms", `[]`, 422, "", "body", "object"},
		{"POST", "/v1/rooms", ``, 400, "", "", "{}"},
		{"POST", "/v1/rooms", `{"name":"a\nb"}`, 422, "name", "body.name", "control"},
		{"GET", "/v1/rooms?limit=0", ``, 422, "limit", "query.limit", ">= 1"},
		{"GET", "/v1/rooms?limit=501", ``, 422, "limit", "query.limit", "<= 500"},
		{"GET", "/v1/rooms?limit=x", ``, 422, "limit", "query.limit", "integer"},
		{"GET", "/v1/rooms?limits=1", ``, 422, "limits", "query.limits", "limit"},
		{"GET", "/v1/rooms/a%20b", ``, 422, "room", "path.room", "a-z"},
		{"GET", "/v1/rooms/" + strings.Repeat("x", 65), ``, 422, "room", "path.room", "64"},
		{"GET", "/v1/rooms/a/participants?after=zz", ``, 422, "after", "query.after", "next"},
		{"POST", "/v1/rooms/a/participants", `{}`, 422, "", "body", "to"},
		{"POST", "/v1/rooms/a/participants", `{"to":"sip:x@h","timeout":0.5}`, 422, "timeout", "body.timeout", ">= 1"},
		{"POST", "/v1/rooms/a/participants", `{"to":"sip:x@h","hears":["!"]}`, 422, "hears", "body.hears", "group:NAME"},
		{"POST", "/v1/rooms/a/participants", `{"to":"sip:x@h","input_gain":21}`, 422, "input_gain", "body.input_gain", "<= 20"},
		{"GET", "/v1/events?after=x", ``, 422, "after", "query.after", "number"},
		{"GET", "/v1/events?kinds=nonsense", ``, 422, "kinds", "query.kinds", "participant.joined"},
		{"GET", "/v1/calls?after=bad", ``, 422, "after", "query.after", "next"},
		{"POST", "/v1/webhooks", `{}`, 422, "url", "body.url", "https"},
		{"POST", "/v1/webhooks", `{"url":"ftp://x"}`, 422, "url", "body.url", "https"},
		{"PATCH", "/v1/log", `{"level":"loud"}`, 422, "level", "body.level", "debug"},
	} {
		w := b.do(c.method, c.path, c.body)
		code := map[int]string{400: "malformed", 422: "invalid"}[c.status]
		p := wantProblem(t, w, c.status, code)
		location := ""
		if len(p.Errors) > 0 {
			location = p.Errors[0].Location
		}
		if p.Field != c.field || location != c.location || !strings.Contains(p.Detail, c.says) || strings.Contains(p.Detail, "Go ") {
			t.Errorf("%s %s %.60s: %+v, want field %q at %q, and %q", c.method, c.path, c.body, p, c.field, c.location, c.says)
		}
	}
}
