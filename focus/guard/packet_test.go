package guard

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/wait"
)

// packets is a packet connection that plays packets and keeps what is written.
type packets struct {
	in     []packet
	sent   []packet
	errors []error // returned first
}

type packet struct {
	data string
	addr netip.AddrPort
}

func (p *packets) ReadFrom(b []byte) (int, net.Addr, error) {
	if len(p.errors) > 0 {
		err := p.errors[0]
		p.errors = p.errors[1:]
		return 0, nil, err
	}
	if len(p.in) == 0 {
		return 0, nil, net.ErrClosed
	}
	next := p.in[0]
	p.in = p.in[1:]
	return copy(b, next.data), net.UDPAddrFromAddrPort(next.addr), nil
}

func (p *packets) WriteTo(b []byte, to net.Addr) (int, error) {
	p.sent = append(p.sent, packet{string(b), sourceOf(to)})
	return len(b), nil
}

func (p *packets) Close() error                     { return nil }
func (p *packets) LocalAddr() net.Addr              { return &net.UDPAddr{} }
func (p *packets) SetDeadline(time.Time) error      { return nil }
func (p *packets) SetReadDeadline(time.Time) error  { return nil }
func (p *packets) SetWriteDeadline(time.Time) error { return nil }

func (p packet) String() string { return fmt.Sprintf("%s: %q", p.addr, p.data) }

// drain reads until the connection ends and returns what came, with where from.
func drain(t *testing.T, c net.PacketConn, size int) (got []packet) {
	t.Helper()
	b := make([]byte, size)
	for {
		n, from, err := c.ReadFrom(b)
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				t.Fatal(err)
			}
			return got
		}
		got = append(got, packet{string(b[:n]), sourceOf(from)})
	}
}

func TestPacketConn(t *testing.T) {
	g, _ := newTestGuard(t, nil)
	bad := strings.Replace(options("bad", "UDP"), "CSeq: 1 ", "CSeq: 4294967296 ", 1)
	noRport := strings.Replace(strings.Replace(bad, "client.invalid;rport", "203.0.113.99:5099;maddr=203.0.113.98", 1), "Call-ID: bad", "Call-ID: bad2", 1)
	other := netip.MustParseAddrPort("[2001:db8::7]:5062")
	p := &packets{in: []packet{
		{options("one", "UDP"), source},
		{"\r\n\r\n", source},
		{"\x00\x00\x00\x00", source},
		{"\x00\x01\x00\x00", source},
		{bad, source},
		{noRport, source},
		{strings.ReplaceAll(bad, "OPTIONS", "ACK"), source},
		{"\r\n" + options("two", "UDP") + "beyond the length", other},
	}}
	got := drain(t, PacketConn(p, g), 65535)
	if len(got) != 2 || got[0].addr != source || got[1].addr != other {
		t.Fatalf("handed on %v", got)
	}
	if !strings.Contains(got[0].data, "client.invalid;received=192.0.2.77;rport;branch") || !strings.HasSuffix(got[1].data, "Content-Length: 0\r\n\r\n") {
		t.Errorf("got %v", got)
	}
	// To the source's address only, whatever the Via says; to its port with rport, else to
	// the sent-by's.
	if len(p.sent) != 2 || p.sent[0].addr != source || p.sent[1].addr != netip.AddrPortFrom(source.Addr(), 5099) {
		t.Fatalf("sent %v", p.sent)
	}
	if !strings.HasPrefix(p.sent[0].data, "SIP/2.0 400 ") || !strings.Contains(p.sent[1].data, ";received=192.0.2.77;") {
		t.Errorf("sent %v", p.sent)
	}
	want := map[string]uint64{"keep_alive": 2, "not_sip": 1, "cseq": 3}
	if n := nonZero(g); fmt.Sprint(n) != fmt.Sprint(want) {
		t.Errorf("counted %v, want %v", n, want)
	}
	if s := g.Stats(); s.Datagrams != 8 || s.Requests != 2 || s.Answers != 2 || s.Responses != 0 {
		t.Errorf("%+v", s)
	}
}

// The flood of a forged source ends before the parser, and is not reflected.
func TestPacketFlood(t *testing.T) {
	g, clock := newTestGuard(t, nil)
	bad := strings.Replace(options("bad", "UDP"), "CSeq: 1 ", "CSeq: x ", 1)
	p := &packets{}
	for range 10000 {
		p.in = append(p.in, packet{bad, source})
	}
	p.in = append(p.in, packet{options("neighbour", "UDP"), netip.MustParseAddrPort("192.0.2.78:1")})
	if got := drain(t, PacketConn(p, g), 65535); len(got) != 1 {
		t.Errorf("handed on %d, want the neighbour's", len(got))
	}
	if n := nonZero(g); n["message_rate"] != 8000 || n["cseq"] != 2000 {
		t.Errorf("counted %v", n)
	}
	answerable := strings.Replace(bad, "CSeq: x ", "CSeq: 4294967296 ", 1)
	clock.add(time.Minute)
	p.in, p.sent = nil, nil
	for range 2000 {
		p.in = append(p.in, packet{answerable, source})
	}
	drain(t, PacketConn(p, g), 65535)
	if s := g.Stats(); len(p.sent) != 50 || s.AnswersWithheld != 1950 {
		t.Errorf("%d answers, %d withheld", len(p.sent), s.AnswersWithheld)
	}
}

// A source that is far past its calls has its new INVITEs dropped unseen; what belongs to a
// call goes through.
func TestPacketCallFlood(t *testing.T) {
	g, _ := newTestGuard(t, nil)
	decisions(g, source.Addr(), 600)
	in := strings.Replace(invite, "To: <sip:room@example.com>", "To: <sip:room@example.com>;tag=x", 1)
	p := &packets{in: []packet{{invite, source}, {in, source}, {options("o", "UDP"), source}}}
	if got := drain(t, PacketConn(p, g), 65535); len(got) != 2 || !strings.Contains(got[0].data, ";tag=x") {
		t.Errorf("handed on %v", got)
	}
	if n := nonZero(g); n["call_flood"] != 1 || len(n) != 1 || len(p.sent) != 0 {
		t.Errorf("counted %v, sent %v", n, p.sent)
	}
}

// A message that the reader's buffer is too short for is answered, not cut.
func TestPacketShortBuffer(t *testing.T) {
	g, _ := newTestGuard(t, nil)
	p := &packets{in: []packet{{withBody("big", strings.Repeat("x", 40000)), source}, {options("o", "UDP"), source}}}
	got := drain(t, PacketConn(p, g), 32768)
	if len(got) != 1 || len(p.sent) != 1 || !strings.HasPrefix(p.sent[0].data, "SIP/2.0 513 ") || nonZero(g)["message_too_large"] != 1 {
		t.Errorf("handed on %d, sent %v", len(got), p.sent)
	}
}

func TestPacketErrorsPass(t *testing.T) {
	g, _ := newTestGuard(t, nil)
	p := &packets{errors: []error{errors.New("no buffer space"), io.ErrUnexpectedEOF}, in: []packet{{options("o", "UDP"), source}}}
	if got := drain(t, PacketConn(p, g), 65535); len(got) != 1 || nonZero(g)["socket_error"] != 2 {
		t.Errorf("handed on %d, counted %v", len(got), nonZero(g))
	}
}

// After so many sources the library is made to forget them; no packet is lost.
func TestPacketRenewal(t *testing.T) {
	g, _ := newTestGuard(t, func(l *Limits) { l.DatagramSources = 1024 })
	p := &packets{}
	for i := range 3000 {
		p.in = append(p.in, packet{options(fmt.Sprint(i), "UDP"), netip.AddrPortFrom(stranger, uint16(i+1))},
			packet{options(fmt.Sprint("again", i), "UDP"), netip.AddrPortFrom(stranger, uint16(i+1))})
	}
	g.limiter.strange.rates[bucketMessages] = Rate{}
	var served, got atomic.Int32
	err := ServeUDP(PacketConn(p, g), func(c net.PacketConn) error {
		served.Add(1)
		n := len(drain(t, c, 65535))
		if n > 2*1024 {
			t.Errorf("%d packets in one go", n)
		}
		got.Add(int32(n))
		return io.EOF
	})
	if served.Load() != 3 || got.Load() != 6000 || !errors.Is(err, io.EOF) {
		t.Errorf("served %d times, %d packets, %v", served.Load(), got.Load(), err)
	}
	if err := ServeUDP(p, nil); err == nil {
		t.Error("ServeUDP takes a bare connection")
	}
}

// The library goes on answering over a renewal, and ends when the socket is closed.
func TestLibraryRenewal(t *testing.T) {
	s := newServer(t, func() Limits { l := DefaultLimits(); l.DatagramSources = 1024; return l }())
	for i := range 1100 {
		c, err := net.Dial("udp", s.udp)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		waitAnswer(t, c, fmt.Sprint("renew", i))
		c.Close()
	}
	if s.g.Stats().Requests != 1100 {
		t.Errorf("%d requests", s.g.Stats().Requests)
	}
	pool := s.ua.TransportLayer().Pool("udp")
	wait.For(t, "the library to forget addresses", func() bool { return pool.Size() <= 200 }, func() any { return pool.Size() })
}
