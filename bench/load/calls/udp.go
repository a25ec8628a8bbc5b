package calls

import (
	"errors"
	"net"
	"net/netip"
	"strings"
)

// datagrams carries a line over one UDP socket, which is not connected: a server may send
// its requests from elsewhere.
type datagrams struct {
	line  *line
	conn  *net.UDPConn
	local netip.AddrPort
	done  chan struct{} // closed when read has returned
}

// socketBuffer is asked for in both directions: a burst of answers must not be lost.
const socketBuffer = 4 << 20

func openDatagrams(l *line) (*datagrams, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(l.agent.config.Local, 0)))
	if err != nil {
		return nil, err
	}
	local := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	d := &datagrams{line: l, conn: conn, local: netip.AddrPortFrom(local.Addr().Unmap(), local.Port()), done: make(chan struct{})}
	if err := prepare(conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return d, nil
}

func (d *datagrams) ready() error            { return nil }
func (d *datagrams) address() netip.AddrPort { return d.local }

// send tries again if the kernel tells of the fate of an earlier datagram.
func (d *datagrams) send(packet []byte, to netip.AddrPort) error {
	var err error
	for range 10 {
		if _, err = d.conn.WriteToUDPAddrPort(packet, to); err == nil || !isRejection(err) {
			return err
		}
		d.rejections(err)
	}
	return err
}

// read hands everything that arrives to the line, until the socket is closed.
func (d *datagrams) read() {
	defer close(d.done)
	buf := make([]byte, maxMessage)
	for {
		n, from, err := d.conn.ReadFromUDPAddrPort(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			d.rejections(err)
		case n > 4: // less is a keep-alive
			d.line.receive(string(buf[:n]), netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		}
	}
}

// rejections fails the requests that nobody was there to take.
func (d *datagrams) rejections(why error) {
	for _, packet := range rejected(d.conn) {
		if _, rest, ok := strings.Cut(packet, ";branch="); ok {
			end := strings.IndexAny(rest, ";\r, ")
			if end >= 0 {
				d.line.unreachable(rest[:end], why)
			}
		}
	}
}

func (d *datagrams) close() error {
	err := d.conn.Close()
	<-d.done
	if errors.Is(err, net.ErrClosed) { // a second time
		return nil
	}
	return err
}
