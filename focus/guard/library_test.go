package guard

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// countingHandler keeps what the library logs about bytes that it cannot read: none are to
// reach it.
type countingHandler struct {
	slog.Handler
	lines chan string
}

func (h countingHandler) Handle(_ context.Context, r slog.Record) error {
	if text := strings.ToLower(r.Message); strings.Contains(text, "parse") || strings.Contains(text, "read error") {
		select {
		case h.lines <- r.Message:
		default:
		}
	}
	return nil
}

func (h countingHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h countingHandler) WithGroup(string) slog.Handler      { return h }

// server is the library behind the guard, on loopback; it answers 200 to OPTIONS.
type server struct {
	g        *Guard
	ua       *sipgo.UserAgent
	udp, tcp string
	errors   chan string
}

func newServer(t *testing.T, l Limits) *server {
	t.Helper()
	g, err := New(l, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{g: g, errors: make(chan string, 100)}
	sip.TransportBufferReadSize = 65535
	log := slog.New(countingHandler{slog.NewTextHandler(io.Discard, nil), s.errors})
	sip.SetDefaultLogger(log)
	ua, err := sipgo.NewUA(sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(log)))
	if err != nil {
		t.Fatal(err)
	}
	srv, err := sipgo.NewServer(ua, sipgo.WithServerLogger(log))
	if err != nil {
		t.Fatal(err)
	}
	srv.OnOptions(func(req *sip.Request, tx sip.ServerTransaction) {
		_ = tx.Respond(sip.NewResponseFromRequest(req, 200, "OK", nil))
	})
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.ua = ua
	s.udp, s.tcp = pc.LocalAddr().String(), ln.Addr().String()
	done := make(chan struct{}, 2)
	go func() { _ = ServeUDP(PacketConn(pc, g), srv.ServeUDP); done <- struct{}{} }()
	go func() { _ = srv.ServeTCP(Listener(ln, g)); done <- struct{}{} }()
	t.Cleanup(func() {
		pc.Close()
		ln.Close()
		<-done
		<-done
		ua.Close()
		select {
		case line := <-s.errors:
			t.Errorf("library logged: %s", line)
		default:
		}
	})
	return s
}

func options(id string, transport string) string {
	return "OPTIONS sip:room@example.com SIP/2.0\r\nVia: SIP/2.0/" + transport + " client.invalid;rport;branch=z9hG4bK" + id +
		"\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:room@example.com>\r\nCall-ID: " + id +
		"\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
}

func dial(t *testing.T, network, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

func exchange(t *testing.T, c net.Conn, request string) string {
	t.Helper()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 65536)
	n, err := c.Read(b)
	if err != nil {
		t.Fatalf("no response to %q: %v", request, err)
	}
	return string(b[:n])
}

func TestLibraryBehindGuard(t *testing.T) {
	s := newServer(t, DefaultLimits())
	for _, network := range []string{"udp", "tcp"} {
		addr := map[string]string{"udp": s.udp, "tcp": s.tcp}[network]
		c := dial(t, network, addr)
		transport := strings.ToUpper(network)
		for i := range 3 {
			r := exchange(t, c, options(fmt.Sprintf("%s%d", network, i), transport))
			if !strings.HasPrefix(r, "SIP/2.0 200 OK\r\n") || !strings.Contains(r, "received=127.0.0.1") {
				t.Errorf("%s: got %q", network, r)
			}
			bad := strings.Replace(options(fmt.Sprintf("%sbad%d", network, i), transport), "CSeq: 1 O", "CSeq: 4294967296 O", 1)
			if r = exchange(t, c, bad); !strings.HasPrefix(r, "SIP/2.0 400 Bad Request") {
				t.Errorf("%s: got %q", network, r)
			}
		}
	}
	if n := s.g.Stats().Answers; n != 6 {
		t.Errorf("%d answers counted, want 6", n)
	}
}

// Every torture message and every truncation of it, over a datagram socket and a stream:
// the library behind the guard goes on answering and never sees what it cannot read.
func TestLibrarySurvivesTorture(t *testing.T) {
	s := newServer(t, DefaultLimits())
	c := dial(t, "udp", s.udp)
	for i, m := range torture {
		raw := tortureFile(t, m.name)
		for _, n := range []int{len(raw), len(raw) / 2, len(raw) - 1} {
			if _, err := c.Write(raw[:n]); err != nil {
				t.Fatal(err)
			}
			stream := dial(t, "tcp", s.tcp)
			_, _ = stream.Write(raw[:n])
			stream.Close()
		}
		waitAnswer(t, c, fmt.Sprintf("after%d", i))
	}
}

// waitAnswer sends OPTIONS and reads until its response comes.
func waitAnswer(t *testing.T, c net.Conn, id string) {
	t.Helper()
	if _, err := io.WriteString(c, options(id, "UDP")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 65536)
	for {
		n, err := c.Read(b)
		if err != nil {
			t.Fatalf("no response to %s: %v", id, err)
		}
		if bytes.Contains(b[:n], []byte("Call-ID: "+id+"\r\n")) && bytes.HasPrefix(b[:n], []byte("SIP/2.0 200")) {
			return
		}
	}
}
