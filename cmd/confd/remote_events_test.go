package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/confd/confd/api"
	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
)

// A stream that breaks off goes on after the last event; what strangers call themselves does
// not reach the terminal raw; what is refused ends it.
func TestEventsGoOn(t *testing.T) {
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RequestURI())
		switch len(asked) {
		case 1:
			io.WriteString(w, "retry: 1000\n\n:\n\nid: 7\nevent: participant.joined\ndata: {\"seq\":7,\"kind\":\"participant.joined\",\"room\":\"x\",\"participant\":"+strings.ReplaceAll(hostile, "\n", "")+"}\n\ndata: {\"seq\":8")
		case 2:
			io.WriteString(w, `data: {"seq":9,"kind":"participant.failed","room":"x","failure":{"outcome":"busy","status":486,"text":"Busy Here"},"reason":{"code":"failed"}}`+"\n\n")
		default:
			w.WriteHeader(401)
			io.WriteString(w, `{"type":"urn:confd:problem:unauthorized","detail":"the key has expired"}`)
		}
	}))
	defer s.Close()
	status, stdout, stderr := run(s.URL, "events", "x", "--kinds", "participant.,digit")
	if want := []string{"/v1/rooms/x/events?kinds=participant.%2Cdigit", "/v1/rooms/x/events?after=7&kinds=participant.%2Cdigit", "/v1/rooms/x/events?after=9&kinds=participant.%2Cdigit"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if len(lines) != 2 || strings.ContainsAny(stdout, "\x1b\a\u009b\u202e\t") || !strings.Contains(lines[0], "p1 a?2Jb?c?d?e sip:?]0;a?@h") || !strings.HasSuffix(lines[1], "participant.failed    x             busy (486) Busy Here") {
		t.Errorf("printed %q", stdout)
	}
	if status != 1 || strings.Count(stderr, "trying again") != 2 || !strings.Contains(stderr, "has expired") {
		t.Errorf("status %d %q", status, stderr)
	}
}

// Events of a running server come as they happen, and a call can be waited for.
func TestEventsAndCallsOfARunningServer(t *testing.T) {
	leak.Check(t)
	sounds := t.TempDir()
	r := start(t, []string{"CONFD_SOUNDS_FOLDER=" + sounds, "CONFD_STORE_PATH=", "CONFD_DRAIN_TIMEOUT=50ms"}, "--sip", "udp:127.0.0.1:0", "--rtp-ports", "42400-42499")
	server := r.HTTP.String()
	var out, errs buffer
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan int)
	go func() {
		done <- (&Main{Args: []string{"events", "--json", "--server", server}, Stdout: &out, Stderr: &errs}).Run(ctx)
	}()
	happened := func(what string) {
		t.Helper()
		wait.For(t, what+" is printed", func() bool {
			for line := range strings.Lines(out.String()) {
				var e api.Event
				if json.Unmarshal([]byte(line), &e) == nil && e.Kind == what {
					return true
				}
			}
			return false
		})
	}
	happened("snapshot")
	expect := func(status int, want string, args ...string) {
		t.Helper()
		if got, stdout, stderr := run(server, args...); got != status || !strings.Contains(stdout+stderr, want) {
			t.Errorf("%v: status %d, %q %q; want %d and %q", args, got, stdout, stderr, status, want)
		}
	}
	expect(0, "room out is there", "rooms", "create", "out")
	happened("room.created")
	anna := newCallee(t, 0, "", "")
	expect(0, "participant.joined", "participants", "dial", "out", "sip:anna@"+anna.addr.String(), "--wait")
	happened("participant.joined")
	busy := newCallee(t, 486, "", "")
	expect(1, "nobody has answered: busy (486)", "participants", "dial", "out", "sip:bob@"+busy.addr.String(), "--wait")
	happened("participant.failed")
	expect(1, "nobody has answered: unanswered", "participants", "dial", "out", "sip:x@"+silent(t), "--wait", "--timeout", "1s")

	file := filepath.Join(t.TempDir(), "here.wav")
	if err := os.WriteFile(file, []byte(silence(1e8)), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(0, "there.wav is there, and lasts 100ms", "sounds", "upload", file, "--name", "there.wav")
	expect(0, "there.wav", "sounds")
	expect(0, "plays", "announcements", "play", "out", "there.wav", "--loop")
	expect(0, "there.wav", "announcements", "out")
	happened("announcement.started")
	expect(0, "is deleted", "sounds", "delete", "there.wav")
	cancel()
	if status := <-done; status != 0 || errs.String() != "" {
		t.Errorf("status %d %q", status, errs.String())
	}
	r.end()
}

// silent is the address of a socket that answers nothing.
func silent(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.LocalAddr().String()
}
