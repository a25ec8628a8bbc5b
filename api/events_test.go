package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/confd/confd/rooms"
)

// listen serves a bench on a socket and returns its URL.
func (b *bench) listen() string {
	b.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- b.Serve(narrow{l}) }()
	b.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := b.Close(ctx); err != nil {
			b.t.Error(err)
		}
		if err := <-done; err != nil {
			b.t.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}

// narrow accepts connections that take in little, so that who does not read is soon noticed.
type narrow struct{ net.Listener }

func (n narrow) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	if err == nil {
		_ = c.(*net.TCPConn).SetWriteBuffer(8 << 10)
	}
	return c, err
}

// watcher reads an event stream.
type watcher struct {
	body io.ReadCloser
	in   *bufio.Scanner
}

// message is one of server-sent events; a comment has only that.
type message struct {
	id, event, comment string
	data               Event
}

func watch(t testing.TB, url string, headers ...string) *watcher {
	t.Helper()
	w, err := openWatcher(http.DefaultTransport, url, headers...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.body.Close() })
	return w
}

func openWatcher(rt http.RoundTripper, url string, headers ...string) (*watcher, error) {
	req, _ := http.NewRequest("GET", url, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		resp.Body.Close()
		return nil, fmt.Errorf("%s: %s %v", url, resp.Status, resp.Header)
	}
	in := bufio.NewScanner(resp.Body)
	in.Buffer(nil, 16<<20)
	return &watcher{resp.Body, in}, nil
}

// next returns the next message, or false at the end of the stream.
func (w *watcher) next() (m message, ok bool) {
	for w.in.Scan() {
		name, value, _ := strings.Cut(w.in.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case w.in.Text() == "":
			if m.event != "" || m.comment != "" {
				return m, true
			}
		case name == "":
			m.comment = value + "."
		case name == "id":
			m.id = value
		case name == "event":
			m.event = value
		case name == "data":
			if err := json.Unmarshal([]byte(value), &m.data); err != nil {
				m.event += fmt.Sprintf(", %v in %s", err, value)
			}
		}
	}
	return m, false
}

// want reads on to the next event, which is of that kind.
func (w *watcher) want(t testing.TB, kind rooms.EventKind) message {
	t.Helper()
	for {
		m, ok := w.next()
		if !ok {
			t.Fatalf("the stream ends before %s: %v", kind, w.in.Err())
		}
		if m.event == "" {
			continue
		}
		if m.event != string(kind) || m.data.Kind != m.event || strconv.FormatUint(m.data.Seq, 10) != m.id {
			t.Fatalf("event %s (%s) with id %s and seq %d, want %s", m.event, m.data.Kind, m.id, m.data.Seq, kind)
		}
		return m
	}
}

// A latecomer gets a snapshot, then what happens, and can go on from where it was.
func TestEventsResume(t *testing.T) {
	b := newBench(t, nil)
	url := b.listen()
	b.want(201, "POST", "/v1/rooms", `{"id":"a"}`, nil)
	p := b.join("a", "anna")
	w := watch(t, url+"/v1/events")
	first := w.want(t, rooms.SnapshotTaken)
	if len(first.data.Rooms) != 1 || len(first.data.Rooms[0].Participants) != 1 || first.data.Rooms[0].Participants[0].ID != p.ID() {
		t.Errorf("the snapshot is %+v", first.data)
	}
	b.want(200, "PATCH", "/v1/rooms/a", `{"locked":true}`, nil)
	locked := w.want(t, rooms.RoomUpdated)
	if !locked.data.RoomInfo.Locked || locked.data.Seq != first.data.Seq+1 {
		t.Errorf("%+v", locked.data)
	}
	w.body.Close()
	b.want(200, "PATCH", "/v1/rooms/a/participants/"+p.ID(), `{"muted":true}`, nil)
	b.want(204, "DELETE", "/v1/rooms/a/participants/"+p.ID()+"?reason=enough", "", nil)
	for _, again := range []*watcher{
		watch(t, url+"/v1/events", "Last-Event-ID", locked.id), watch(t, url+"/v1/events?after="+locked.id),
		watch(t, url+"/v1/rooms/a/events", "Last-Event-ID", locked.id),
	} {
		if m := again.want(t, rooms.ParticipantUpdated); !m.data.Participant.Muted || m.data.Seq != locked.data.Seq+1 {
			t.Errorf("%+v", m.data)
		}
		left := again.want(t, rooms.ParticipantLeft)
		if r := left.data.Reason; r == nil || r.Code != "removed" || r.Text != "enough" {
			t.Errorf("reason %+v", r)
		}
		again.want(t, rooms.RoomClosed)
	}
	watch(t, url+"/v1/events", "Last-Event-ID", "1").want(t, rooms.SnapshotTaken)
	watch(t, url+"/v1/events", "Last-Event-ID", "18446744073709551615").want(t, rooms.SnapshotTaken)
}

// Kinds choose, rooms choose, and a room may be watched before it is there.
func TestEventsChoose(t *testing.T) {
	b := newBench(t, nil)
	url := b.listen()
	kinds := watch(t, url+"/v1/events?kinds=room.deleted,participant.")
	one := watch(t, url+"/v1/rooms/b/events")
	kinds.want(t, rooms.SnapshotTaken)
	if m := one.want(t, rooms.SnapshotTaken); len(m.data.Rooms) != 0 || m.data.Room != "b" {
		t.Errorf("%+v", m.data)
	}
	b.want(201, "POST", "/v1/rooms", `{"id":"a"}`, nil)
	b.want(201, "POST", "/v1/rooms", `{"id":"b"}`, nil)
	b.want(204, "DELETE", "/v1/rooms/a", "", nil)
	b.join("b", "ben")
	if m := one.want(t, rooms.RoomCreated); m.data.Room != "b" {
		t.Errorf("%+v", m.data)
	}
	one.want(t, rooms.RoomOpened)
	one.want(t, rooms.ParticipantJoined)
	if m := kinds.want(t, rooms.RoomDeleted); m.data.Room != "a" {
		t.Errorf("%+v", m.data)
	}
	kinds.want(t, rooms.ParticipantJoined)
}

// While nothing happens a comment comes; when the server ends, so does the stream.
func TestEventsHeartbeatAndEnd(t *testing.T) {
	b := newBench(t, nil)
	b.heartbeat = time.Millisecond
	w := watch(t, b.listen()+"/v1/events")
	for w.want(t, rooms.SnapshotTaken); ; {
		m, ok := w.next()
		if !ok {
			t.Fatal("no heartbeat")
		}
		if m.comment != "" {
			break
		}
	}
	b.endStreams()
	for ok := true; ok; {
		_, ok = w.next()
	}
}

// A thousand watchers all get everything, in order.
func TestThousandWatchers(t *testing.T) {
	const watchers, events = 1000, 20
	b := newBench(t, nil)
	url := b.listen()
	b.want(201, "POST", "/v1/rooms", `{"id":"a"}`, nil)
	var ready, done sync.WaitGroup
	ready.Add(watchers)
	for range watchers {
		done.Go(func() {
			w, err := openWatcher(http.DefaultTransport, url+"/v1/events?kinds=room.")
			if err != nil {
				t.Error(err)
				ready.Done()
				return
			}
			defer w.body.Close()
			_, ok := w.next()
			ready.Done()
			for want := 0; ok && want < events; want++ {
				var m message
				if m, ok = w.next(); m.data.RoomInfo == nil || m.data.RoomInfo.Name != fmt.Sprint(want) {
					t.Errorf("event %d: %+v", want, m)
					return
				}
			}
		})
	}
	ready.Wait()
	for i := range events {
		b.want(200, "PATCH", "/v1/rooms/a", fmt.Sprintf(`{"name":"%d"}`, i), nil)
	}
	done.Wait()
}

// deafWatcher asks for a stream and reads nothing but the status.
func deafWatcher(t *testing.T, url string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.(*net.TCPConn).SetReadBuffer(1)
	fmt.Fprintf(conn, "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
	status := make([]byte, len("HTTP/1.1 200"))
	if _, err := io.ReadFull(conn, status); err != nil || string(status) != "HTTP/1.1 200" {
		t.Fatalf("%s, %v", status, err)
	}
	return conn
}

// wantEnd reads what a deaf watcher could still get, up to the end that the server made.
func wantEnd(t *testing.T, conn net.Conn) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("who never reads is still there")
	}
}

// A watcher that never reads is cut off, and holds nobody up.
func TestWatcherThatNeverReads(t *testing.T) {
	b := newBench(t, nil)
	b.writeTime = 10 * time.Millisecond
	conn := deafWatcher(t, b.listen())
	b.want(201, "POST", "/v1/rooms", `{"id":"a"}`, nil)
	big := strings.Repeat("x", 4000)
	for i := 0; b.watchers.Load() > 0; i++ {
		b.want(200, "PATCH", "/v1/rooms/a", fmt.Sprintf(`{"metadata":{"n":%d,"x":"%s"}}`, i, big), nil)
		if i > 100000 {
			t.Fatal("the watcher is still there")
		}
	}
	wantEnd(t, conn)
}

func BenchmarkEventText(b *testing.B) {
	var texts eventTexts
	e := &rooms.Event{Kind: rooms.ParticipantJoined, Participant: &rooms.ParticipantSnapshot{ID: "x"}}
	b.ReportAllocs()
	for b.Loop() {
		texts.of(e)
	}
}
