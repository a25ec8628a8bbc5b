package guard

import (
	"net"
	"net/netip"
	"sync"
)

// PacketConn wraps the socket of a datagram listener: ReadFrom returns only checked messages
// in canonical form, one a call. The buffer given to it should be as large as
// Limits.MessageSize; a longer message is answered 513. All else goes to inner. Serve it
// with ServeUDP.
func PacketConn(inner net.PacketConn, g *Guard) net.PacketConn {
	c := &packetConn{PacketConn: inner, g: g, in: make([]byte, 1<<16)}
	c.udp, _ = inner.(*net.UDPConn)
	return c
}

type packetConn struct {
	net.PacketConn
	udp *net.UDPConn // inner, if it is one: reads without allocation
	g   *Guard

	mu      sync.Mutex // of what follows: one reader at a time
	in, out []byte
	wait    backoff
}

func (c *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, src, err := c.read(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(src), nil
}

func (c *packetConn) read(b []byte) (int, netip.AddrPort, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		n, src, err := c.readPacket()
		if err != nil {
			if c.wait.pause(c.g, err) {
				continue
			}
			return 0, src, err
		}
		c.wait = 0
		if n = c.admit(c.in[:n], src, b); n > 0 {
			return n, src, nil
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
		c.g.countPassed(&m)
	}
	return copy(b, pass)
}

func (c *packetConn) sendAnswer(answer []byte, to netip.AddrPort) {
	if _, err := c.PacketConn.WriteTo(answer, net.UDPAddrFromAddrPort(to)); err != nil {
		c.g.count(SocketError)
	}
}
