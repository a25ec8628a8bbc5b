package guard

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/wait"
)

// good is a stream of messages of all sorts with keep-alives between.
func good(t testing.TB) []byte {
	t.Helper()
	var s []byte
	for i, name := range []string{"valid/wsinv", "valid/esc01", "valid/mpart01", "valid/semiuri", "valid/escnull"} {
		raw := tortureFile(t, name)
		if !bytes.Contains(raw, []byte("ength")) && !bytes.Contains(raw, []byte("\r\nl:")) && !bytes.Contains(raw, []byte("\r\nL:")) {
			t.Fatalf("%s has no Content-Length", name)
		}
		if name == "valid/wsinv" { // two bytes of its file are beyond its length
			var m message
			raw = raw[:m.check(raw, false, &defaultLimits).Size]
		}
		s = append(s, raw...)
		s = append(s, strings.Repeat("\r\n", i)...)
		s = append(s, withBody(fmt.Sprint("body", i), "line\r\n\r\nline\r\n")...)
	}
	return s
}

// Whatever way the network cuts a stream, the same messages come out.
func TestEverySplit(t *testing.T) {
	stream := good(t)
	want := reference(stream, 65535)
	if bytes.Count(want, []byte(" SIP/2.0\r\n")) != 10 {
		t.Fatalf("reference found %d messages", bytes.Count(want, []byte(" SIP/2.0\r\n")))
	}
	// Every point at which a stream of two messages may be cut in two.
	two := append(tortureFile(t, "valid/escnull"), withBody("x", "body")...)
	wantTwo := reference(two, 65535)
	for cut := 1; cut < len(two); cut++ {
		got, n := readAll(t, two, cut, 65535)
		if n != 2 || !bytes.Equal(got, wantTwo) {
			t.Fatalf("cut every %d bytes: %d messages, %q", cut, n, got)
		}
	}
	for _, cut := range []int{1, 2, 3, 5, 7, 16, 100, 1000, 4096, 100000} {
		for _, read := range []int{17, 4096, 65535} { // no 17 zeros in a row in there
			if got, n := readAll(t, stream, cut, read); n != 10 || !bytes.Equal(got, want) {
				t.Fatalf("cut every %d, read by %d: %d messages", cut, read, n)
			}
		}
	}
}

// One Read returns one message, never parts of two.
func TestReadReturnsOneMessage(t *testing.T) {
	g, _ := newTestGuard(t, func(l *Limits) { *l = unlimitedRates() })
	one := []byte(withBody("one", "1"))
	c, _ := Conn(&script{in: bytes.Repeat(one, 3), cut: 1 << 20}, g)
	b := make([]byte, 65535)
	for i := range 3 {
		n, err := c.Read(b)
		if want := reference(one, 65535); err != nil || !bytes.Equal(b[:n], want) {
			t.Fatalf("read %d: %v, %q", i, err, b[:n])
		}
	}
	if _, err := c.Read(b); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

func TestPing(t *testing.T) {
	for _, c := range []struct {
		in, out string
		pings   uint64
	}{
		{"\r\n\r\n", "\r\n", 1},
		{"\r\n", "", 0},
		{"\r\n\r\n\r\n", "\r\n", 1},
		{"\r\n\r\n\r\n\r\n", "\r\n\r\n", 2},
		{"\r\n" + withBody("x", "y") + "\r\n", "", 0},
	} {
		for _, cut := range []int{1, 3, 1000} {
			g, _ := newTestGuard(t, nil)
			s := &script{in: []byte(c.in), cut: cut}
			conn, _ := Conn(s, g)
			for {
				if _, err := conn.Read(make([]byte, 65535)); err != nil {
					break
				}
			}
			if s.written.String() != c.out || g.Stats().Pings != c.pings {
				t.Errorf("%q: wrote %q, %d pings", c.in, s.written.String(), g.Stats().Pings)
			}
		}
	}
}

// What is malformed but framed is answered and skipped; what cannot be framed ends the connection.
func TestMalformedOnStream(t *testing.T) {
	bad := func(old, new string) string { return strings.Replace(withBody("bad", "body"), old, new, 1) }
	after := withBody("after", "ok")
	for _, c := range []struct {
		name, in string
		answer   string // of the status line
		goesOn   bool
		reason   Reason
	}{
		{"syntax", bad("CSeq: 1 ", "CSeq: 4294967296 "), "SIP/2.0 400", true, BadCSeq},
		{"version", bad("SIP/2.0\r\n", "SIP/3.0\r\n"), "SIP/2.0 505", true, BadVersion},
		{"not answerable", bad("Call-ID: bad\r\n", ""), "", true, MissingCallID},
		{"no length", bad("Content-Length: 4\r\n", ""), "SIP/2.0 400", false, NoContentLength},
		{"bad length", bad("Content-Length: 4", "Content-Length: -4"), "SIP/2.0 400", false, BadContentLength},
		{"two lengths", bad("Content-Length: 4", "Content-Length: 4\r\nl: 4"), "SIP/2.0 400", false, BadContentLength},
		{"too long", bad("Content-Length: 4", "Content-Length: 65400"), "SIP/2.0 513", false, MessageTooLarge},
		{"no SIP", "\x16\x03\x01\r\n\r\n", "", false, NotSIP},
		{"HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "", false, BadStartLine},
		{"endless header", bad("Content-Length: 4", "X: "+strings.Repeat("x", 20000)), "SIP/2.0 513", false, HeadersTooLarge},
	} {
		g, _ := newTestGuard(t, nil)
		s := &script{in: []byte(c.in + after), cut: 1000}
		conn, _ := Conn(s, g)
		b := make([]byte, 65535)
		n, err := conn.Read(b)
		if got := err == nil && bytes.Contains(b[:n], []byte("Call-ID: after")); got != c.goesOn {
			t.Errorf("%s: goes on: %v (%v)", c.name, got, err)
		}
		if s.closed == c.goesOn {
			t.Errorf("%s: closed: %v", c.name, s.closed)
		}
		if w := s.written.String(); !strings.HasPrefix(w, c.answer) || c.answer == "" && w != "" {
			t.Errorf("%s: answered %q", c.name, w)
		}
		if g.Stats().Refused[c.reason.String()] != 1 {
			t.Errorf("%s: counted %v", c.name, nonZero(g))
		}
	}
}

func nonZero(g *Guard) map[string]uint64 {
	m := map[string]uint64{}
	for k, v := range g.Stats().Refused {
		if v > 0 {
			m[k] = v
		}
	}
	return m
}

func TestMalformedPerConnection(t *testing.T) {
	g, _ := newTestGuard(t, func(l *Limits) { l.MalformedPerConnection = 3 })
	bad := strings.Replace(withBody("bad", "body"), "CSeq: 1 ", "CSeq: x ", 1)
	s := &script{in: []byte(strings.Repeat(bad, 2) + withBody("good", "x") + bad + withBody("late", "x")), cut: 1 << 20}
	conn, _ := Conn(s, g)
	b := make([]byte, 65535)
	if _, err := conn.Read(b); err != nil {
		t.Fatalf("after two malformed messages: %v", err)
	}
	if _, err := conn.Read(b); !errors.Is(err, io.EOF) || !s.closed {
		t.Errorf("after three: %v, closed %v", err, s.closed)
	}
}

// The library takes a read of nothing but zeros for a keep-alive, even within a body.
func TestZeroChunk(t *testing.T) {
	body := strings.Repeat("\x00", 5000)
	for _, c := range []struct {
		read int
		ok   bool
	}{{65535, true}, {1000, false}} {
		g, _ := newTestGuard(t, nil)
		conn, _ := Conn(&script{in: []byte(withBody("z", body)), cut: 1 << 20}, g)
		_, err := conn.Read(make([]byte, c.read))
		if (err == nil) != c.ok || g.Stats().Refused["nul_body"] == 1 == c.ok {
			t.Errorf("read by %d: %v, %v", c.read, err, nonZero(g))
		}
		if handedOn := g.Stats().Requests == 1; handedOn != c.ok {
			t.Errorf("read by %d: counted as handed on: %v", c.read, handedOn)
		}
	}
}

func TestStreamMemory(t *testing.T) {
	g, _ := newTestGuard(t, func(l *Limits) { l.StreamMemory = 8192 })
	half := []byte(withBody("big", strings.Repeat("x", 20000)))[:15000]
	conn, _ := Conn(&script{in: half, cut: 1 << 20}, g)
	if _, err := conn.Read(make([]byte, 100)); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if s := g.Stats(); s.Refused["stream_memory"] != 1 || s.StreamMemory != 0 || s.Connections != 0 {
		t.Errorf("%+v", s)
	}
}

// tcpServer is a guarded listener on loopback whose connections are read to their end.
func tcpServer(t *testing.T, g *Guard) (addr string, ended chan error) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := Listener(inner, g)
	t.Cleanup(func() { ln.Close() })
	ended = make(chan error, 100)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				b := make([]byte, 65535)
				for {
					if _, err := c.Read(b); err != nil {
						c.Close()
						ended <- err
						return
					}
				}
			}()
		}
	}()
	return inner.Addr().String(), ended
}

// Slow peers are cut off: one that says nothing, one that never finishes, one that trickles.
func TestSlowPeers(t *testing.T) {
	const short = 60 * time.Millisecond
	message := withBody("slow", "body")
	for _, c := range []struct {
		name   string
		say    string
		change func(*Limits)
		want   string
	}{
		{"silent", "", func(l *Limits) { l.FirstMessageTime = short }, "first_message_timeout"},
		{"unfinished first", message[:100], func(l *Limits) { l.FirstMessageTime = short }, "first_message_timeout"},
		{"unfinished header", message + message[:100], func(l *Limits) { l.MessageTime = short }, "message_timeout"},
		{"unfinished body", message + message[:len(message)-1], func(l *Limits) { l.MessageTime = short }, "message_timeout"},
		{"half a line end", message + "\r", func(l *Limits) { l.MessageTime = short }, "message_timeout"},
		{"idle", message, func(l *Limits) { l.IdleTime = short }, "idle_timeout"},
		{"pings are messages", "\r\n\r\n", func(l *Limits) { l.FirstMessageTime, l.IdleTime = time.Hour, short }, "idle_timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g, err := New(func() Limits { l := DefaultLimits(); c.change(&l); return l }(), nil)
			if err != nil {
				t.Fatal(err)
			}
			addr, ended := tcpServer(t, g)
			conn := dial(t, "tcp", addr)
			if _, err := io.WriteString(conn, c.say); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-ended:
				if !errors.Is(err, io.EOF) {
					t.Errorf("ended with %v", err)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("never cut off")
			}
			if n := nonZero(g); n[c.want] != 1 || len(n) != 1 {
				t.Errorf("counted %v, want %s", n, c.want)
			}
			if s := g.Stats(); s.Connections != 0 {
				t.Errorf("%d connections left", s.Connections)
			}
		})
	}
}

// A trickle of bytes does not put the end off.
func TestSlowloris(t *testing.T) {
	l := DefaultLimits()
	l.MessageTime = 100 * time.Millisecond
	g, err := New(l, nil)
	if err != nil {
		t.Fatal(err)
	}
	addr, ended := tcpServer(t, g)
	conn := dial(t, "tcp", addr)
	if _, err := io.WriteString(conn, withBody("first", "x")); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	message := "OPTIONS sip:a SIP/2.0\r\nX: " + strings.Repeat("x", 100000)
	for i := 0; ; i++ {
		select {
		case <-ended:
			if nonZero(g)["message_timeout"] != 1 {
				t.Errorf("counted %v", nonZero(g))
			}
			return
		case <-tick.C:
			if i == 5000 {
				t.Fatal("never cut off")
			}
			_, _ = conn.Write([]byte{message[i]})
		}
	}
}

func TestConnectionLimits(t *testing.T) {
	g, _ := newTestGuard(t, func(l *Limits) { l.Connections, l.ConnectionsPerSource, l.Trusted = 5, 3, nil })
	addr, ended := tcpServer(t, g)
	accepted := func(n uint64) {
		t.Helper()
		wait.For(t, "acceptance, of which the peer sees nothing", func() bool { return g.Stats().Accepted >= n })
	}
	var open []net.Conn
	for i := range 3 {
		open = append(open, dial(t, "tcp", addr))
		accepted(uint64(i) + 1)
	}
	if refused, err := net.Dial("tcp", addr); err == nil { // it may be reset before it is told
		_, err = refused.Read(make([]byte, 1))
		refused.Close()
		if err == nil {
			t.Error("fourth connection of a source let in")
		}
	}
	if n := nonZero(g)["connections_source"]; n != 1 {
		t.Errorf("counted %v", nonZero(g))
	}
	open[0].Close()
	<-ended
	dial(t, "tcp", addr)
	accepted(4)

	// In all: connections of other sources, by hand.
	for i := range 3 {
		key, r := g.open(stranger)
		want := OK
		if i == 2 {
			want = ConnectionsTotal
		}
		if r != want {
			t.Errorf("connection %d in all: %s", 4+i, r)
		}
		if r == OK {
			defer g.release(key)
		}
	}
}

// A stream past its message rate is read more slowly, and loses nothing.
func TestStreamIsSlowed(t *testing.T) {
	l := DefaultLimits()
	l.Trusted, l.Messages = nil, Rate{200, 5}
	g, err := New(l, nil)
	if err != nil {
		t.Fatal(err)
	}
	conn, _ := Conn(&script{in: bytes.Repeat([]byte(withBody("m", "x")), 20), cut: 1 << 20}, g)
	start := time.Now()
	n := 0
	for b := make([]byte, 65535); ; n++ {
		if _, err := conn.Read(b); err != nil {
			break
		}
	}
	if took := time.Since(start); n != 20 || took < 60*time.Millisecond {
		t.Errorf("%d messages in %s, want 20 in at least 75 ms", n, took)
	}
	if nonZero(g)["message_rate"] == 0 {
		t.Error("not counted")
	}
}

// The library's own deadline counts beside the guard's, and is reported as what it is.
func TestReaderDeadline(t *testing.T) {
	g, _ := newTestGuard(t, nil)
	near, far := net.Pipe()
	defer far.Close()
	c, _ := Conn(near, g)
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 100)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	_ = c.SetReadDeadline(time.Time{})
	go func() { _, _ = io.WriteString(far, withBody("x", "y")) }()
	if n, err := c.Read(make([]byte, 1000)); err != nil || n == 0 {
		t.Errorf("after the deadline is lifted: %v", err)
	}
}

// A peer that does not read cannot hold a writer up, and its connection ends.
func TestWriteTime(t *testing.T) {
	g, _ := newTestGuard(t, func(l *Limits) { l.WriteTime = 20 * time.Millisecond })
	near, far := net.Pipe()
	defer far.Close()
	c, _ := Conn(near, g)
	_ = c.SetWriteDeadline(time.Now().Add(time.Hour)) // does not lift the guard's
	if _, err := c.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if n := g.Stats().Connections; n != 0 {
		t.Errorf("%d connections left", n)
	}
}

// Whatever is written puts the idle time off.
func TestWriteIsNotIdle(t *testing.T) {
	g, _ := newTestGuard(t, func(l *Limits) { l.IdleTime = time.Minute })
	near, far := net.Pipe()
	defer far.Close()
	go func() { _, _ = io.Copy(io.Discard, far) }()
	inner, _ := Conn(near, g)
	c := inner.(*conn)
	defer c.Close()
	c.spoken = true
	c.accepted = time.Now().Add(-time.Hour)
	c.lastRead = c.accepted
	if due, why := c.due(); why != IdleTimeout || time.Until(due) > 0 {
		t.Fatalf("before the write: %s in %s", why, time.Until(due))
	}
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if due, why := c.due(); why != IdleTimeout || time.Until(due) < 50*time.Second {
		t.Errorf("after the write: %s in %s", why, time.Until(due))
	}
}

// Closing ends a reader that waits for its rate.
func TestCloseWhileSlowed(t *testing.T) {
	g, _ := newTestGuard(t, func(l *Limits) { l.Messages = Rate{0.001, 1} })
	s := &script{in: bytes.Repeat([]byte(withBody("m", "x")), 2), cut: 1 << 20}
	c, _ := Conn(s, g)
	b := make([]byte, 65535)
	if _, err := c.Read(b); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { _, err := c.Read(b); ended <- err }()
	for g.Stats().Refused["message_rate"] == 0 {
		runtime.Gosched()
	}
	c.Close()
	if err := <-ended; !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}

// flaky is a listener whose Accept fails at first, as it does without free descriptors.
type flaky struct {
	net.Listener
	failures int
}

func (f *flaky) Accept() (net.Conn, error) {
	if f.failures--; f.failures >= 0 {
		return nil, syscall.EMFILE
	}
	return f.Listener.Accept()
}

func TestAcceptErrorsPass(t *testing.T) {
	g, _ := newTestGuard(t, nil)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := Listener(&flaky{inner, 3}, g)
	dial(t, "tcp", inner.Addr().String())
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if n := nonZero(g)["socket_error"]; n != 3 {
		t.Errorf("counted %d errors", n)
	}
	ln.Close()
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed listener: %v", err)
	}
}
