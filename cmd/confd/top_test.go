package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/api"
	"github.com/confd/confd/internal/testkit/leak"
)

const statsJSON = `{"version":"1.2.3","uptime":61,"rooms":2,"conferences":1,"participants":2,"load":0.12,"tick_lateness":0.0001,"packets_lost_total":7}`

// busy is a server with a room of two, one of which talks, and an empty one.
func busy(t *testing.T, stats int) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/stats":
			w.WriteHeader(stats)
			io.WriteString(w, statsJSON)
		case "/v1/rooms":
			io.WriteString(w, `{"rooms":[{"id":"empty"},{"id":"full","participant_count":2,"rate":16000},{"id":"gone","participant_count":1}]}`)
		case "/v1/rooms/full":
			io.WriteString(w, `{"id":"full","participant_count":2,"rate":16000}`)
		case "/v1/rooms/full/participants":
			io.WriteString(w, `{"participants":[{"id":"p2","display_name":"quiet","state":"connected","stats":{"level":-127},`+
				`"video":[{"state":"on","sees":"p3"},{"state":"on"},{"state":"refused"}]},{"id":"p3","uri":"sip:seen@example.com","stats":{"level":-127}},`+hostile+`]}`)
		default:
			w.WriteHeader(404)
			io.WriteString(w, `{"type":"urn:confd:problem:not_found","detail":"gone"}`)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestTopOnce(t *testing.T) {
	status, stdout, stderr := run(busy(t, 200), "top", "--once")
	if status != 0 || strings.ContainsAny(stdout, "\x1b\a\u009b\u202e\t") {
		t.Errorf("status %d %s, printed %q", status, stderr, stdout)
	}
	at := -1
	for _, want := range []string{"confd 1.2.3", "up 1m1s", "load 12 %", "lost 7", "full   2 in it   1 talking   16 kHz", "* ", "a?2Jb?c?d?e",
		"connected,muted", "#######.....", "-23 dB", "1.2 %", "quiet", "............", "sip:seen@example.com,nobody,refused", "gone   1 in it", "empty   0 in it"} {
		i := strings.Index(stdout, want)
		if i <= at {
			t.Errorf("%q is not there, or not in its place:\n%s", want, stdout)
		}
		at = i
	}
	// A key for single rooms sees no figures of the server.
	status, stdout, stderr = run(busy(t, 403), "top", "full", "--once")
	if status != 0 || !strings.Contains(stdout, "full   2 in it") || strings.Contains(stdout, "empty") {
		t.Errorf("status %d %s, printed %q", status, stderr, stdout)
	}
	if status, _, stderr := run(busy(t, 500), "top", "--once"); status != 1 || !strings.Contains(stderr, "500") {
		t.Errorf("status %d %s", status, stderr)
	}
	if status, _, stderr := run(busy(t, 200), "top"); status != 1 || !strings.Contains(stderr, "--once") {
		t.Errorf("without a terminal: status %d %s", status, stderr)
	}
}

// console is a screen under test.
type console struct {
	pressed       chan byte
	width, height int
}

func (c *console) keys() <-chan byte { return c.pressed }
func (c *console) size() (int, int)  { return c.width, c.height }

// Each tick draws a frame, a fault of the server is told and gets over, q ends.
func TestTopLive(t *testing.T) {
	leak.Check(t)
	s, ticks, frames := &console{make(chan byte), 30, 5}, make(chan time.Time), 0
	var out buffer
	ended := make(chan error)
	go func() {
		ended <- live(context.Background(), &out, s, ticks, func(context.Context) (*frame, error) {
			if frames++; frames == 2 {
				return nil, errors.New("no answer\x1b[2J")
			}
			f := &frame{server: "here"}
			for i := range 20 {
				f.rooms = append(f.rooms, roomFrame{Room: api.Room{ID: fmt.Sprintf("room-%d-%d-%s", frames, i, strings.Repeat("x", 40))}})
			}
			return f, nil
		})
	}()
	ticks <- time.Time{}
	s.pressed <- 'x' // means nothing
	ticks <- time.Time{}
	s.pressed <- 'q'
	if err := <-ended; err != nil {
		t.Error(err)
	}
	text := out.String()
	if !strings.HasPrefix(text, enterScreen) || !strings.HasSuffix(text, leaveScreen) {
		t.Errorf("the terminal is left as %q", text)
	}
	screens := strings.Split(text, "\x1b[H")[1:]
	if len(screens) < 2 || !strings.Contains(screens[0], "room-1-1-") || strings.Contains(screens[0], "room-1-2-") ||
		!strings.Contains(screens[0], "… 18 lines more") || !strings.Contains(screens[1], "no answer?[2J") {
		t.Fatalf("%d screens: %q", len(screens), screens)
	}
	for _, line := range strings.Split(screens[0], "\r\n") {
		if n := len([]rune(strings.NewReplacer("\x1b[K", "", "\x1b[J", "").Replace(line))); n > s.width {
			t.Errorf("a line of %d characters: %q", n, line)
		}
	}
}

// A server that does not answer keeps nobody: a key, or the end of the context, ends.
func TestTopEndsWhileServerHangs(t *testing.T) {
	leak.Check(t)
	for _, byKey := range []bool{true, false} {
		ctx, cancel := context.WithCancel(context.Background())
		s, asked, ended := &console{make(chan byte), 80, 24}, make(chan bool), make(chan error)
		go func() {
			ended <- live(ctx, io.Discard, s, nil, func(ctx context.Context) (*frame, error) {
				asked <- true
				<-ctx.Done()
				return nil, ctx.Err()
			})
		}()
		<-asked
		if byKey {
			s.pressed <- 3
		} else {
			cancel()
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		cancel()
	}
}
