package guard

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// complaints is what the library logs about bytes that it cannot read: none are to reach it.
var complaints = make(chan string, 100)

type complaintHandler struct{ slog.Handler }

func (h complaintHandler) Handle(_ context.Context, r slog.Record) error {
	if text := strings.ToLower(r.Message); strings.Contains(text, "parse") || strings.Contains(text, "read error") {
		select {
		case complaints <- r.Message:
		default:
		}
	}
	return nil
}

func (h complaintHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h complaintHandler) WithGroup(string) slog.Handler      { return h }

var libraryLog = slog.New(complaintHandler{slog.NewTextHandler(io.Discard, nil)})

func TestMain(m *testing.M) {
	sip.SetDefaultLogger(libraryLog)
	sip.TransportBufferReadSize = 65535
	os.Exit(m.Run())
}

// server is the library behind the guard, on loopback; it answers 200 to OPTIONS.
type server struct {
	g        *Guard
	ua       *sipgo.UserAgent
	udp, tcp string
	tls      string
}

func newServer(t *testing.T, l Limits) *server {
	t.Helper()
	g, err := New(l, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{g: g}
	ua, err := sipgo.NewUA(sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(libraryLog)))
	if err != nil {
		t.Fatal(err)
	}
	srv, err := sipgo.NewServer(ua, sipgo.WithServerLogger(libraryLog))
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
	secure, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}})
	if err != nil {
		t.Fatal(err)
	}
	s.tls = secure.Addr().String()
	done := make(chan struct{}, 3)
	go func() { _ = srv.ServeTLS(Listener(secure, g)); done <- struct{}{} }()
	go func() { _ = ServeUDP(PacketConn(pc, g), srv.ServeUDP); done <- struct{}{} }()
	go func() { _ = srv.ServeTCP(Listener(ln, g)); done <- struct{}{} }()
	t.Cleanup(func() {
		pc.Close()
		ln.Close()
		secure.Close()
		<-done
		<-done
		<-done
		ua.Close()
		select {
		case line := <-complaints:
			t.Errorf("library logged: %s", line)
		default:
		}
	})
	return s
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
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
	for _, network := range []string{"udp", "tcp", "tls"} {
		var c net.Conn
		switch network {
		case "udp":
			c = dial(t, "udp", s.udp)
		case "tcp":
			c = dial(t, "tcp", s.tcp)
		case "tls":
			c = tls.Client(dial(t, "tcp", s.tls), &tls.Config{InsecureSkipVerify: true})
		}
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
	if n := s.g.Stats().Answers; n != 9 {
		t.Errorf("%d answers counted, want 9", n)
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
