package transport

import (
	"net"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/media"
)

const (
	testPT   = 0
	tickTime = int64(20 * time.Millisecond)
)

var (
	loopback = netip.MustParseAddr("127.0.0.1")
	testPool = sync.OnceValue(func() *PortPool {
		p, err := NewPortPool(20000, 29999, 0)
		if err != nil {
			panic(err)
		}
		return p
	})
)

// phone is a peer on a socket of its own.
type phone struct {
	t    testing.TB
	conn *net.UDPConn
	to   netip.AddrPort
	seq  uint16
	ts   uint32
	ssrc uint32
	pt   uint8
}

func newPhone(t testing.TB, at netip.Addr, to netip.AddrPort) *phone {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &phone{t: t, conn: conn, to: to, seq: 1000, ts: 5000, ssrc: 0x1234, pt: testPT}
}

func (p *phone) addr() netip.AddrPort {
	return unmap(p.conn.LocalAddr().(*net.UDPAddr).AddrPort())
}

func (p *phone) write(b []byte) {
	p.t.Helper()
	if _, err := p.conn.WriteToUDPAddrPort(b, p.to); err != nil {
		p.t.Fatal(err)
	}
}

// next builds the phone's next packet.
func (p *phone) next() []byte {
	b := packetBytes(p.t, rtp.Header{
		Version: 2, PayloadType: p.pt, SequenceNumber: p.seq, Timestamp: p.ts, SSRC: p.ssrc,
	}, make([]byte, 160))
	p.seq++
	p.ts += 160
	return b
}

func (p *phone) speak() { p.t.Helper(); p.write(p.next()) }

// read waits for one datagram.
func (p *phone) read() []byte {
	p.t.Helper()
	b := make([]byte, 2000)
	_ = p.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, err := p.conn.Read(b)
	if err != nil {
		p.t.Fatal(err)
	}
	return b[:n]
}

// readMedia waits for RTP where reports come to the same port when they are due (RFC 5761 section 4).
func (p *phone) readMedia() []byte {
	p.t.Helper()
	for {
		if b := p.read(); len(b) < 2 || b[1] < 192 || b[1] > 223 {
			return b
		}
	}
}

func (p *phone) readRTP() *rtp.Packet {
	p.t.Helper()
	var r rtp.Packet
	if err := r.Unmarshal(p.read()); err != nil {
		p.t.Fatal(err)
	}
	return &r
}

func packetBytes(t testing.TB, h rtp.Header, payload []byte) []byte {
	t.Helper()
	b, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// collector keeps what it receives.
type collector struct {
	packets  []media.Packet
	payloads [][]byte
}

func (c *collector) Receive(p *media.Packet) {
	c.packets = append(c.packets, *p)
	c.payloads = append(c.payloads, append([]byte(nil), p.Payload...))
}

func (c *collector) sequences() []uint16 {
	var s []uint16
	for _, p := range c.packets {
		s = append(s, p.Sequence)
	}
	return s
}

// discard receives without keeping.
var discard = media.ReceiverFunc(func(*media.Packet) {})

// listen opens a leg. Tests of legs count on loopback delivering before a send returns,
// which the sockets of other systems, with a reader of their own, do not do.
func listen(t testing.TB, at netip.Addr) *Leg {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("legs are tested on Linux")
	}
	l, err := testPool().Listen(at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func (l *Leg) at(a netip.Addr) netip.AddrPort {
	port, _ := l.LocalPort()
	return netip.AddrPortFrom(a, uint16(port))
}

func (l *Leg) atControl(a netip.Addr) netip.AddrPort {
	_, port := l.LocalPort()
	return netip.AddrPortFrom(a, uint16(port))
}

// talk returns params for a peer in both directions, PCMU.
func talk(remote netip.AddrPort) Params {
	p := Params{RemoteRTP: remote, Send: true, Receive: true}
	p.ClockRates[testPT] = 8000
	return p
}

func apply(t testing.TB, l *Leg, p Params) {
	t.Helper()
	s, err := Prepare(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Apply(s); err != nil {
		t.Fatal(err)
	}
}

// call returns a leg and its phone, connected to each other. Its host is vouched for.
func call(t testing.TB, change func(*Params)) (*Leg, *phone) {
	t.Helper()
	l := listen(t, loopback)
	l.Vouch(loopback)
	p := newPhone(t, loopback, l.at(loopback))
	params := talk(p.addr())
	if change != nil {
		change(&params)
	}
	apply(t, l, params)
	return l, p
}

// poll polls at the present time; loopback delivers before a send returns.
func poll(l *Leg, to media.Receiver) int { return l.Poll(clock.Now(), 16, to) }

// outgoing is a 20 ms PCMU payload.
func outgoing(at int64) *media.Outgoing {
	return &media.Outgoing{Time: at, PayloadType: testPT, ClockRate: 8000, Data: make([]byte, 160)}
}
