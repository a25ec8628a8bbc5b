package api

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/rooms"
)

func withKeys(t *testing.T, change func(*Config), more ...Key) *bench {
	return newBench(t, func(c *Config, _ *rooms.Config) {
		c.Keys = newRing(t, append([]Key{
			{ID: "1", Scope: ScopeRead, Hash: HashKey("reader")},
			{ID: "2", Scope: ScopeControl, Hash: HashKey("controller")},
			{ID: "3", Scope: ScopeAdmin, Hash: HashKey("admin")},
			{ID: "4", Scope: ScopeControl, Hash: HashKey("ofa"), Rooms: []rooms.Name{"a"}},
			{ID: "5", Scope: ScopeAdmin, Hash: HashKey("old"), Expires: time.Now().Add(-time.Second)},
			{ID: "6", Scope: ScopeAdmin, Hash: HashKey("young"), Expires: time.Now().Add(time.Hour)},
		}, more...), nil)
		if change != nil {
			change(c)
		}
	})
}

// from asks from far away, with a key.
func (b *bench) from(peer, host, method, path, body, key string, headers ...string) *httptest.ResponseRecorder {
	r := b.request(method, path, strings.NewReader(body), headers...)
	r.Host, r.RemoteAddr = host, peer
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	return b.ask(r)
}

func TestKeys(t *testing.T) {
	b := withKeys(t, nil)
	b.want(201, "POST", "/v1/rooms", `{"id":"b"}`, nil)
	for _, c := range []struct {
		key, method, path, body string
		want                    int
	}{
		{"reader", "GET", "/v1/rooms", "", 200},
		{"reader", "GET", "/metrics", "", 200},
		{"reader", "POST", "/v1/rooms", "{}", 403},
		{"reader", "DELETE", "/v1/rooms/b", "", 403},
		{"controller", "POST", "/v1/rooms", `{"id":"c"}`, 201},
		{"controller", "POST", "/v1/drain", "{}", 403},
		{"controller", "GET", "/v1/webhooks", "", 403},
		{"admin", "GET", "/v1/webhooks", "", 200},
		{"young", "GET", "/v1/webhooks", "", 200},
		{"old", "GET", "/v1/rooms", "", 401},
		{"none", "GET", "/v1/rooms", "", 401},
		{"", "GET", "/v1/rooms", "", 401},
		{"ofa", "POST", "/v1/rooms", `{"id":"A"}`, 201},
		{"ofa", "POST", "/v1/rooms", `{"id":"d"}`, 403},
		{"ofa", "POST", "/v1/rooms", `{}`, 403},
		{"ofa", "PATCH", "/v1/rooms/a", `{"locked":true}`, 200},
		{"ofa", "PATCH", "/v1/rooms/A", `{"locked":false}`, 200},
		{"ofa", "PATCH", "/v1/rooms/%61", `{"locked":false}`, 200},
		{"ofa", "PATCH", "/v1/rooms/b", `{"locked":true}`, 403},
		{"ofa", "PATCH", "/v1/rooms/a;b", `{"locked":true}`, 403},
		{"ofa", "GET", "/v1/rooms/b/participants", "", 403},
		{"ofa", "GET", "/v1/rooms/b/events", "", 403},
		{"ofa", "GET", "/v1/events", "", 403},
		{"ofa", "GET", "/v1/stats", "", 403},
		{"ofa", "GET", "/metrics", "", 403},
		{"ofa", "GET", "/v1/calls", "", 422},
		{"ofa", "GET", "/v1/calls?room=b", "", 403},
		{"ofa", "GET", "/v1/calls?room=a", "", 200},
		{"ofa", "GET", "/openapi.json", "", 200},
		{"ofa", "GET", "/healthz", "", 200},
	} {
		if w := b.from("192.0.2.1:9", "confd.example", c.method, c.path, c.body, c.key); w.Code != c.want {
			t.Errorf("%q: %s %s: %d %s, want %d", c.key, c.method, c.path, w.Code, w.Body, c.want)
		}
	}
	w := b.from("192.0.2.1:9", "confd.example", "GET", "/v1/rooms", "", "ofa")
	if s := w.Body.String(); !strings.Contains(s, `"id":"a"`) || strings.Contains(s, `"id":"b"`) {
		t.Errorf("a key of room a lists %s", s)
	}
	// A wrong key is refused on this machine, too; none is needed there.
	if w := b.from("127.0.0.1:9", "localhost", "GET", "/v1/rooms", "", "none"); w.Code != 401 || w.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("a wrong key from loopback: %d", w.Code)
	}
	b.want(200, "GET", "/v1/webhooks", "", nil)
	b.want(401, "GET", "/v1/rooms", "", nil, "Authorization", "Basic eDp5")
}

// A key of one room cannot move somebody out of it.
func TestKeyOfRoomAndMoves(t *testing.T) {
	b := withKeys(t, nil)
	b.want(201, "POST", "/v1/rooms", `{"id":"b"}`, nil)
	p := b.join("a", "anna")
	path := "/v1/rooms/a/participants/" + p.ID() + "/move"
	if w := b.from("192.0.2.1:9", "x", "POST", path, `{"room":"b"}`, "ofa"); w.Code != 403 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := b.from("192.0.2.1:9", "x", "POST", path, `{"room":"b"}`, "controller"); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestRequireKey(t *testing.T) {
	b := withKeys(t, func(c *Config) { c.RequireKey = true })
	b.want(401, "GET", "/v1/rooms", "", nil)
	b.want(200, "GET", "/v1/rooms", "", nil, "Authorization", "bearer reader")
}

func TestCORS(t *testing.T) {
	b := withKeys(t, func(c *Config) { c.CORS = []string{"https://app.example", "*"} })
	for _, c := range []struct {
		origin, key string
		want        int
	}{
		{"https://app.example", "", 201}, {"https://evil.example", "", 403}, {"https://evil.example", "admin", 201},
	} {
		w := b.from("127.0.0.1:9", "localhost", "POST", "/v1/rooms", "{}", c.key, "Origin", c.origin, "Sec-Fetch-Site", "cross-site")
		if w.Code != c.want || w.Header().Get("Access-Control-Allow-Origin") != c.origin {
			t.Errorf("%+v: %d %v", c, w.Code, w.Header())
		}
	}
	w := b.from("192.0.2.1:9", "x", "OPTIONS", "/v1/rooms", "", "", "Origin", "https://app.example", "Access-Control-Request-Method", "PATCH")
	if w.Code != 204 || !strings.Contains(w.Header().Get("Access-Control-Allow-Methods"), "PATCH") {
		t.Errorf("preflight: %d %v", w.Code, w.Header())
	}
	plain := newBench(t, nil)
	if w := plain.do("GET", "/v1/rooms", "", "Origin", "https://app.example"); w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Error("an origin that is not configured is let in")
	}
}

func TestKeyHashText(t *testing.T) {
	h := HashKey("secret")
	text, _ := h.MarshalText()
	var back KeyHash
	if err := back.UnmarshalText(text); err != nil || back != h || len(text) != 64 {
		t.Errorf("%s: %v", text, err)
	}
	for _, bad := range []string{"", "zz", string(text) + "00", string(text[2:])} {
		if err := back.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
