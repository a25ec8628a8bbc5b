package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

// Whatever the body, the answer is right or a problem that says what is wrong, and never
// the server's fault.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{`{}`, `{"id":"a"}`, `{"talkers":1e2}`, `{"talkers":1e400}`, `{"empty_timeout":1e-320}`, `{"metadata":{"a":[1,{"b":null}]}}`,
		`{"hears":["group:x"],"groups":null}`, `{"name":"a","scope":"read","rooms":["a"],"expires":"2100-01-01T00:00:00Z"}`, `{"to":"sip:x@h","headers":{"a":"b"}}`, `{"id":"\ud800"}`, `null`, `"x"`, `[{}]`, `{"a":{"a":{"a":1}}}`, `{"locked":1}`, "\xff", `{"muted":true,"muted":null}`} {
		f.Add([]byte(seed))
	}
	b := newBench(f, nil)
	p := b.join("a", "anna")
	paths := [][2]string{{"POST", "/v1/rooms"}, {"PATCH", "/v1/rooms/a"}, {"PATCH", "/v1/rooms/a/participants/" + p.ID()},
		{"POST", "/v1/rooms/a/participants"}, {"POST", "/v1/webhooks"}, {"PATCH", "/v1/log"}, {"POST", "/v1/rooms/a/announcements"}, {"POST", "/v1/keys"}}
	f.Fuzz(func(t *testing.T, body []byte) {
		b := b.as(t)
		for _, at := range paths {
			w := b.do(at[0], at[1], string(body))
			sane(t, w)
			if w.Code == http.StatusCreated && w.Header().Get("Location") != "" {
				b.do("DELETE", w.Header().Get("Location"), "")
			}
		drain:
			for {
				select {
				case <-b.dialer.calls:
				default:
					break drain
				}
			}
		}
	})
}

// Whatever stands in a path, a query or a header, the same.
func FuzzIDs(f *testing.F) {
	for _, seed := range []string{"a", "..", "%2e%2e", "a/b", "A B", "\x00", "ü", "a;b", "%", "+", "999999999999999999999", `"1"`, "group:x", "a\nb"} {
		f.Add(seed)
	}
	b := newBench(f, nil)
	b.join("a", "anna")
	f.Fuzz(func(t *testing.T, id string) {
		b := b.as(t)
		path, query := url.PathEscape(id), url.QueryEscape(id)
		for _, at := range []string{
			"/v1/rooms/" + path, "/v1/rooms/" + path + "/participants", "/v1/rooms/a/participants/" + path, "/v1/rooms/a/announcements/" + path,
			"/v1/webhooks/" + path, "/v1/rooms?after=" + query, "/v1/rooms?id_prefix=" + query, "/v1/rooms/a/participants?after=" + query,
			"/v1/calls?room=" + query, "/v1/calls?from=" + query, "/v1/keys/" + path, "/v1/keys?after=" + query,
		} {
			sane(t, b.do("GET", at, ""))
		}
		sane(t, b.do("PATCH", "/v1/rooms/a", `{"locked":false}`, "If-Match", id))
		sane(t, b.do("POST", "/v1/rooms", `{"id":"a"}`, "Idempotency-Key", id))
		sane(t, b.do("DELETE", "/v1/rooms/a/participants/x?reason="+query, ""))
		sane(t, b.do("GET", "/v1/rooms", "", "Authorization", id))
	})
}

func sane(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code >= 500 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w.Code == http.StatusNoContent || w.Code == http.StatusMovedPermanently {
		return
	}
	var p Problem
	if !json.Valid(w.Body.Bytes()) {
		t.Errorf("%d: %q is no JSON", w.Code, w.Body)
	} else if w.Code >= 400 && (json.Unmarshal(w.Body.Bytes(), &p) != nil || p.Detail == "" || p.Status != w.Code) {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}
