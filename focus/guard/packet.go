package guard

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// PacketConn wraps the socket of a datagram listener: ReadFrom returns only checked messages
// in canonical form, one a call. The buffer given to it should be as large as
// Limits.MessageSize; a longer message is answered 513. All else goes to inner. Serve it
// with ServeUDP.
func PacketConn(inner net.PacketConn, g *Guard) net.PacketConn {
	c := &packetConn{PacketConn: inner, g: g, in: make([]byte, 1<<16), sources: make(map[netip.AddrPort]struct{})}
	c.udp, _ = inner.(*net.UDPConn)
	return c
}

// ServeUDP calls serve, the library's function of that name, with a connection that
// PacketConn made, and again each time that the connection renewed itself. It returns what
// serve returns when the connection is closed.
//
// The library remembers each source address for as long as it serves a packet connection.
// So that forged addresses do not fill its memory, the connection reports itself closed
// after Limits.DatagramSources of them, while the socket stays open, and the library forgets.
func ServeUDP(conn net.PacketConn, serve func(net.PacketConn) error) error {
	for {
		err := serve(conn)
		if c, ok := conn.(*packetConn); !ok || !c.renewed.Swap(false) {
			return err
		}
	}
}

type packetConn struct {
	net.PacketConn
	udp *net.UDPConn // inner, if it is one: reads without allocation
	g   *Guard

	mu      sync.Mutex // of what follows: one reader at a time
	in, out []byte
	sources map[netip.AddrPort]struct{}
	renewed atomic.Bool
	wait    backoff
}

var errRenewed = fmt.Errorf("guard: packet connection renewed: %w", net.ErrClosed)

func (c *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.sources) >= c.g.limits.DatagramSources {
		clear(c.sources)
		c.renewed.Store(true)
		return 0, nil, errRenewed
	}
	for {
		n, src, err := c.readPacket()
		if err != nil {
			if c.wait.pause(c.g, err) {
				continue
			}
			return 0, nil, err
		}
		c.wait = 0
		if n = c.admit(c.in[:n], src, b); n > 0 {
			c.sources[src] = struct{}{}
			return n, net.UDPAddrFromAddrPort(src), nil
		}
	}
}

func (c *packetConn) readPacket() (int, netip.AddrPort, error) {
	if c.udp != nil {
		n, src, err := c.udp.ReadFromUDPAddrPort(c.in)
		return n, unmap(src), err
	}
	n, addr, err := c.PacketConn.ReadFrom(c.in)
	if err != nil {
		return n, netip.AddrPort{}, err
	}
	return n, sourceOf(addr), nil
}

// admit writes what is to be handed on to b and returns its length.
func (c *packetConn) admit(raw []byte, src netip.AddrPort, b []byte) int {
	c.g.datagrams.Add(1)
	if !c.g.limiter.allowMessage(c.g.now(), src.Addr()) {
		c.g.count(MessageRate)
		return 0
	}
	for len(raw) > 0 && (raw[0] == '\r' || raw[0] == '\n' || raw[0] == 0) {
		raw = raw[1:]
	}
	if len(raw) == 0 {
		c.g.count(KeepAlive)
		return 0
	}
	var m message
	pass, answer := c.g.inspect(&m, raw, false, src, c.out[:0])
	if len(pass) > len(b) {
		// The reader's buffer is the limit here.
		m.fail(MessageTooLarge)
		c.g.count(MessageTooLarge)
		pass, answer = nil, c.g.answer(&m, m.verdict(), src, c.out[:0])
	}
	if len(answer) > 0 {
		c.out = answer
		c.sendAnswer(answer, netip.AddrPortFrom(src.Addr(), m.answerPort(src)))
	}
	if len(pass) > 0 {
		c.out = pass
	}
	return copy(b, pass)
}

func (c *packetConn) sendAnswer(answer []byte, to netip.AddrPort) {
	if _, err := c.PacketConn.WriteTo(answer, net.UDPAddrFromAddrPort(to)); err != nil {
		c.g.count(SocketError)
	}
}
