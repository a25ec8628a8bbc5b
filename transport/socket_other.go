//go:build !linux

package transport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// socket elsewhere than on Linux is an ordinary UDP connection with a goroutine that reads
// ahead. It is for development: it never connects, so that senders are compared packet by
// packet, and it costs a wake-up per packet.
type socket struct {
	conn   *net.UDPConn
	queue  chan datagram
	inet6  bool
	remote netip.AddrPort
}

type datagram struct {
	data  []byte
	from  netip.AddrPort
	stamp int64
}

func openSocket(local netip.AddrPort) (s socket, err error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(local))
	if errors.Is(err, syscall.EADDRINUSE) {
		return s, fmt.Errorf("cannot bind %v: %w", local, errPortTaken)
	}
	if err != nil {
		return s, fmt.Errorf("cannot bind %v: %w", local, err)
	}
	s = socket{conn: conn, queue: make(chan datagram, 256), inet6: local.Addr().Unmap().Is6()}
	go readAhead(conn, s.queue)
	return s, nil
}

func readAhead(conn *net.UDPConn, queue chan<- datagram) {
	buf := make([]byte, maxPacket+1)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		d := datagram{append([]byte(nil), buf[:n]...), unmap(from), time.Now().UnixNano()}
		select {
		case queue <- d:
		default: // full, as a socket buffer may be
		}
	}
}

func (s *socket) reaches(a netip.Addr) bool     { return s.inet6 || a.Unmap().Is4() }
func (s *socket) setRemote(a netip.AddrPort)    { s.remote = a }
func (s *socket) connect(a netip.AddrPort) bool { s.remote = a; return false }
func (s *socket) dissolve()                     {}
func (s *socket) send(b []byte) verdict         { return s.sendTo(b) }

func (s *socket) port() int {
	if a, ok := s.conn.LocalAddr().(*net.UDPAddr); ok {
		return a.Port
	}
	return 0
}

func (s *socket) close() {
	if s.conn != nil {
		_ = s.conn.Close()
	}
}

func (s *socket) sendTo(b []byte) verdict {
	_, err := s.conn.WriteToUDPAddrPort(b, s.remote)
	switch {
	case err == nil:
		return ioDone
	case errors.Is(err, syscall.ECONNREFUSED):
		return ioRefused
	}
	return ioFailed
}

// scratch holds the buffers of one poll or send.
type scratch struct {
	message
	out    [maxPacket + 64]byte
	secure [maxPacket + 64]byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// recv takes one datagram that was read ahead.
func (s *socket) recv(m *scratch, withSender bool) verdict {
	select {
	case d := <-s.queue:
		m.data, m.from, m.stamp, m.truncated = d.data, d.from, d.stamp, len(d.data) > maxPacket
		return ioDone
	default:
		return ioEmpty
	}
}
