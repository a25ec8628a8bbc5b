//go:build !linux

package socket

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Sender elsewhere than on Linux is an ordinary UDP connection. It has one user at a time.
type Sender struct {
	conn *net.UDPConn
	to   netip.AddrPort
}

// OpenSender opens a socket that is bound to the path's source.
func OpenSender(c SenderConfig) (*Sender, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	from := net.UDPAddr{IP: c.Path.Source.AsSlice(), Port: c.Port}
	to := netip.AddrPortFrom(c.Group.Addr().Unmap(), c.Group.Port())
	if c.Path.Source.Is6() {
		to = netip.AddrPortFrom(to.Addr().WithZone(c.Path.Interface.Name), to.Port())
		if c.Path.Source.IsLinkLocalUnicast() {
			from.Zone = c.Path.Interface.Name
		}
	}
	conn, err := net.ListenUDP("udp", &from)
	if err != nil {
		return nil, fmt.Errorf("cannot bind %v: %w", &from, err)
	}
	if err := setUp(conn, &c); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("cannot send to %v on %s with TTL %d: %w", c.Group, c.Path.Interface.Name, c.TTL, err)
	}
	return &Sender{conn, to}, nil
}

func setUp(conn *net.UDPConn, c *SenderConfig) error {
	if c.Path.Source.Is4() {
		p := ipv4.NewPacketConn(conn)
		return errors.Join(p.SetMulticastInterface(c.Path.Interface), p.SetMulticastTTL(c.TTL), p.SetMulticastLoopback(true))
	}
	p := ipv6.NewPacketConn(conn)
	return errors.Join(p.SetMulticastInterface(c.Path.Interface), p.SetMulticastHopLimit(c.TTL), p.SetMulticastLoopback(true))
}

// Local returns the address and port that receivers see.
func (s *Sender) Local() netip.AddrPort {
	a := s.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(plain(a.Addr()), a.Port())
}

// Send sends one datagram to the group; b is not kept.
func (s *Sender) Send(b []byte) Verdict {
	_, err := s.conn.WriteToUDPAddrPort(b, s.to)
	switch {
	case err == nil:
		return Sent
	case errors.Is(err, syscall.ENOBUFS):
		return Busy
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.ENETDOWN):
		return Refused
	}
	return Failed
}

// Close ends it. The user calls it, once.
func (s *Sender) Close() { _ = s.conn.Close() }
