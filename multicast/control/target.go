package control

import (
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

const (
	batch       = 64      // datagrams a system call
	maxDatagram = 1500    // a longer one is cut, and so malformed
	queue       = 1 << 20 // bytes that the kernel is asked to keep; it may allow less
)

// openTarget opens the socket that receivers send feedback to. A link-local address needs its
// interface.
func openTarget(at netip.AddrPort, name string) (*net.UDPConn, error) {
	network := "udp4"
	if at.Addr().Is6() {
		network = "udp6"
	}
	if at.Addr().Is6() && at.Addr().IsLinkLocalUnicast() {
		at = netip.AddrPortFrom(at.Addr().WithZone(name), at.Port())
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(queue)
	countDrops(conn)
	return conn, nil
}

// drain reads many datagrams at a time.
type drain struct {
	conn interface {
		ReadBatch([]ipv4.Message, int) (int, error)
	}
	messages []ipv4.Message
	dropped  uint32 // by the kernel, as last heard
}

func newDrain(conn *net.UDPConn) *drain {
	d := &drain{conn: ipv4.NewPacketConn(conn), messages: make([]ipv4.Message, batch)}
	if conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap().Is6() {
		d.conn = ipv6.NewPacketConn(conn)
	}
	for i := range d.messages {
		d.messages[i] = ipv4.Message{Buffers: [][]byte{make([]byte, maxDatagram+1)}, OOB: make([]byte, 64)}
	}
	return d
}

// read waits for datagrams, at most "most" of them, and returns them and how many the
// kernel has dropped meanwhile.
func (d *drain) read(most int) (got []ipv4.Message, dropped uint32, err error) {
	n, err := d.conn.ReadBatch(d.messages[:min(most, batch)], 0)
	if err != nil {
		return nil, 0, err
	}
	for i := range d.messages[:n] {
		m := &d.messages[i]
		if total, ok := drops(m.OOB[:m.NN]); ok {
			dropped += total - d.dropped
			d.dropped = total
		}
	}
	return d.messages[:n], dropped, nil
}

// sender returns who sent a message.
func sender(m *ipv4.Message) netip.AddrPort {
	a, ok := m.Addr.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	from := a.AddrPort()
	return netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
}
