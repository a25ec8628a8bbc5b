package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// Whatever the body, the answer is right or a problem that says what is wrong, and never
// the server's fault.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{`{}`, `{"id":"a"}`, `{"talkers":1e2}`, `{"talkers":1e400}`, `{"empty_timeout":1e-320}`, `{"metadata":{"a":[1,{"b":null}]}}`,
		`{"hears":["group:x"],"groups":null}`, `{"name":"a","scope":"read","rooms":["a"],"expires":"2100-01-01T00:00:00Z"}`, `{"to":"sip:x@h","headers":{"a":"b"}}`, `{"id":"\ud800"}`, `null`, `"x"`, `[{}]`, `{"a":{"a":{"a":1}}}`, `{"locked":1}`, "\xff", `{"muted":true,"muted":null}`} {
		f.Add([]byte(seed))
	}
	scene, drained := newScene(f, false), newScene(f, false)
	type route struct {
		*bench
		method, path string
	}
	var routes []route
	for path, item := range readDocument(f, scene.bench).Paths {
		for method, op := range item {
			s := scene
			if op.OperationID == "drain" { // after which nothing else is as it was
				s = drained
			}
			if op.RequestBody != nil {
				routes = append(routes, route{s.bench, strings.ToUpper(method), s.ids(path).Replace(path)})
			}
		}
	}
	if len(routes) < len(bodies) {
		f.Fatalf("only %d routes take a body", len(routes))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, at := range routes {
			w := at.as(t).do(at.method, at.path, string(body))
			sane(t, w)
			if w.Code == http.StatusCreated && w.Header().Get("Location") != "" {
				at.as(t).do("DELETE", w.Header().Get("Location"), "")
			}
			for len(at.dialer.calls) > 0 {
				<-at.dialer.calls
			}
		}
	})
}

// Whatever stands in a path, a query or a header, the same.
func FuzzIDs(f *testing.F) {
	for _, seed := range []string{"a", "..", "%2e%2e", "a/b", "A B", "\x00", "ü", "a;b", "%", "+", "999999999999999999999", `"1"`, "group:x", "a\nb", "zzzzzzzzzzzzzzzzzz"} {
		f.Add(seed)
	}
	first := newScene(f, false)
	var ops []request
	for path, item := range readDocument(f, first.bench).Paths {
		op, ok := item["get"]
		if !ok {
			continue
		}
		for _, p := range op.Parameters {
			switch p.In {
			case "path":
				ops = append(ops, request{id: op.OperationID, method: "GET", path: strings.Replace(path, "{"+p.Name+"}", "FUZZ", 1)})
			case "query":
				ops = append(ops, request{id: op.OperationID, method: "GET", path: path + "?" + p.Name + "=FUZZ"})
			}
		}
	}
	f.Fuzz(func(t *testing.T, id string) {
		s := *first
		s.bench = first.as(t)
		for _, q := range ops {
			text := url.QueryEscape(id)
			if !strings.Contains(q.path, "?") {
				text = url.PathEscape(id)
			}
			q.path = strings.Replace(q.path, "FUZZ", text, 1)
			sane(t, s.make(q))
		}
		sane(t, s.do("PATCH", "/v1/rooms/a", `{"locked":false}`, "If-Match", id))
		sane(t, s.do("POST", "/v1/rooms", `{"id":"a"}`, "Idempotency-Key", id))
		sane(t, s.do("DELETE", "/v1/rooms/a/participants/x?reason="+url.QueryEscape(id), ""))
		sane(t, s.do("GET", "/v1/rooms", "", "Authorization", id))
	})
}

func sane(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code >= 500 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w.Code < 400 && !strings.Contains(w.Header().Get("Content-Type"), "json") {
		return // nothing, or a stream
	}
	var p Problem
	if !json.Valid(w.Body.Bytes()) {
		t.Errorf("%d: %q is no JSON", w.Code, w.Body)
	} else if w.Code >= 400 && (json.Unmarshal(w.Body.Bytes(), &p) != nil || p.Detail == "" || p.Status != w.Code) {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}
