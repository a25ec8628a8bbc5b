//go:build !linux

package socket

import (
	"context"
	"net"
)

// open elsewhere than on Linux leaves the choice of address to the net package, which lets
// several sockets hear a group.
func open(m *Membership, _ int) (*net.UDPConn, error) {
	network := "udp4"
	if m.Group.Addr().Unmap().Is6() {
		network = "udp6"
	}
	var l net.ListenConfig
	c, err := l.ListenPacket(context.Background(), network, m.Group.String())
	if err != nil {
		return nil, err
	}
	conn := c.(*net.UDPConn)
	if m.Buffer > 0 {
		_ = conn.SetReadBuffer(m.Buffer)
	}
	return conn, nil
}

func ancillary([]byte) (stamp int64, dropped uint32) { return 0, 0 }
