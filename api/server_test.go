package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/mixer"
	"github.com/confd/confd/rooms"
)

func newServer(t *testing.T, c Config) *Server {
	t.Helper()
	if c.Registry == nil {
		c.Registry = rooms.New(rooms.Config{})
	}
	c.Engine = newEngine(t)
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newEngine(t *testing.T) *mixer.Engine {
	t.Helper()
	e, err := mixer.New(mixer.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// get asks from loopback for a loopback host.
func get(s *Server, method, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.Host, r.RemoteAddr = "localhost:8080", "127.0.0.1:9"
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func wantProblem(t *testing.T, w *httptest.ResponseRecorder, status int, code string) Problem {
	t.Helper()
	var p Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("%s: %v", w.Body, err)
	}
	if w.Code != status || p.Status != status || p.Type != "urn:confd:problem:"+code || p.Title == "" ||
		w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("answer %d %+v, want %d %s", w.Code, p, status, code)
	}
	return p
}

func TestHealth(t *testing.T) {
	s := newServer(t, Config{Version: "1.2.3"})
	w := get(s, "GET", "/healthz")
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"alive"`) || !strings.Contains(w.Body.String(), "1.2.3") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestReadiness(t *testing.T) {
	var reasons []Reason
	s := newServer(t, Config{NotReady: func() []Reason { return reasons }})
	if w := get(s, "GET", "/readyz"); w.Code != 200 || !strings.Contains(w.Body.String(), `"ready"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	reasons = []Reason{{"draining", "the server is about to end"}}
	w := get(s, "GET", "/readyz")
	p := wantProblem(t, w, 503, "not_ready")
	if len(p.Reasons) != 1 || p.Reasons[0] != reasons[0] || w.Header().Get("Retry-After") == "" {
		t.Errorf("%+v, header %v", p, w.Header())
	}
}

func TestUnknownRoutes(t *testing.T) {
	s := newServer(t, Config{})
	wantProblem(t, get(s, "GET", "/v0/x"), 404, "not_found")
	if w := get(s, "HEAD", "/healthz"); w.Code != 200 {
		t.Errorf("HEAD: %d", w.Code)
	}
	w := get(s, "POST", "/healthz")
	wantProblem(t, w, 405, "method_not_allowed")
	if w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("Allow: %q", w.Header().Get("Allow"))
	}
	if w := get(s, "GET", "/"+strings.Repeat("x", 5000)); w.Body.Len() > 1000 {
		t.Errorf("the answer repeats %d bytes of the question", w.Body.Len())
	}
}

func TestLoopbackOnly(t *testing.T) {
	s := newServer(t, Config{})
	for _, c := range []struct {
		host, peer string
		want       int
	}{
		{"localhost", "127.0.0.1:9", 200},
		{"LOCALHOST.:8080", "127.0.0.1:9", 200},
		{"127.0.0.1:8080", "127.0.0.1:9", 200},
		{"127.8.8.8", "[::1]:9", 200},
		{"[::1]:8080", "[::1]:9", 200},
		{"[::1]", "[::ffff:127.0.0.1]:9", 200},
		{"evil.example:8080", "127.0.0.1:9", 403},
		{"localhost.evil.example", "127.0.0.1:9", 403},
		{"127.0.0.1.evil.example", "127.0.0.1:9", 403},
		{"192.0.2.1", "127.0.0.1:9", 403},
		{"", "127.0.0.1:9", 403},
		{"localhost", "192.0.2.1:9", 403},
		{"localhost", "", 403},
	} {
		r := httptest.NewRequest("GET", "/healthz", nil)
		r.Host, r.RemoteAddr = c.host, c.peer
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("Host %q from %q: %d, want %d", c.host, c.peer, w.Code, c.want)
		}
	}
}

func TestProblemOf(t *testing.T) {
	for code, status := range statusOf {
		if p := ProblemOf(&rooms.Error{Code: rooms.ErrorCode(code), Op: "op", Message: "secret"}); p.Status != status {
			t.Errorf("%s gives %d, want %d", code, p.Status, status)
		}
	}
	p := ProblemOf(errors.New("secret"))
	if p.Status != 500 || strings.Contains(p.Detail, "secret") {
		t.Errorf("an unknown error gives %+v", p)
	}
	w := httptest.NewRecorder()
	WriteProblem(w, ProblemOf(&rooms.Error{Code: rooms.Draining, Op: "join", Message: "ending"}))
	wantProblem(t, w, 503, "draining")
}

func TestPanicIsAnswered(t *testing.T) {
	s := newServer(t, Config{NotReady: func() []Reason { panic("boom") }, Logger: slog.New(slog.DiscardHandler)})
	p := wantProblem(t, get(s, "GET", "/readyz"), 500, "internal")
	if strings.Contains(p.Detail, "boom") {
		t.Errorf("the answer tells too much: %s", p.Detail)
	}
}

func TestServeAndClose(t *testing.T) {
	s := newServer(t, Config{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	resp, err := http.Get("http://" + l.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// A connection that is one too many waits until another has ended.
func TestConnectionsAreBounded(t *testing.T) {
	s := newServer(t, Config{MaxConnections: 1})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	ask := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err == nil {
			_, err = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
		}
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := ask()
	if _, err := first.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	second := ask()
	defer second.Close()
	_ = second.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := second.Read(make([]byte, 1)); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the second connection is served beside the first: %v", err)
	}
	first.Close()
	_ = second.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := second.Read(make([]byte, 1)); err != nil {
		t.Error(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
