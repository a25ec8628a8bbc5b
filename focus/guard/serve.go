package guard

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// ServeUDP calls serve, the library's function of that name, with a connection that
// PacketConn made, until the connection is closed, and returns what serve returned.
//
// The library remembers each source address for as long as it serves a packet connection,
// and forged addresses would fill its memory. So after Limits.DatagramSources of them the
// same socket is served anew, under a session of its own, and the former session reports
// itself closed a moment later, which makes the library forget. The moment is for the
// requests that it is about to open transactions for.
func ServeUDP(conn net.PacketConn, serve func(net.PacketConn) error) error {
	c, ok := conn.(*packetConn)
	if !ok {
		return fmt.Errorf("guard: ServeUDP needs a connection that PacketConn made, not a %T", conn)
	}
	done := make(chan struct{})
	var sessions sync.WaitGroup
	defer sessions.Wait()
	defer close(done)
	for {
		s := &session{packetConn: c, full: make(chan struct{}), done: done, sources: make(map[netip.AddrPort]struct{})}
		result := make(chan error, 1)
		sessions.Go(func() { result <- serve(s) })
		select {
		case err := <-result:
			return err
		case <-s.full:
		}
	}
}

// renewalGrace is how long a session that is full stays open without reading.
const renewalGrace = time.Second

// session is what the library serves: the connection, until it has shown so many sources.
type session struct {
	*packetConn
	sources map[netip.AddrPort]struct{}
	last    netip.AddrPort
	once    sync.Once
	full    chan struct{} // closed when the next session is to take over
	done    chan struct{} // closed when ServeUDP ends
}

var errRenewed = fmt.Errorf("guard: session renewed: %w", net.ErrClosed)

func (s *session) ReadFrom(b []byte) (int, net.Addr, error) {
	if len(s.sources) >= s.g.limits.DatagramSources {
		return 0, nil, s.retire()
	}
	n, src, err := s.read(b)
	if err != nil {
		return 0, nil, err
	}
	if src != s.last {
		s.last = src
		s.sources[src] = struct{}{}
	}
	return n, net.UDPAddrFromAddrPort(src), nil
}

func (s *session) retire() error {
	s.once.Do(func() { close(s.full) })
	t := time.NewTimer(renewalGrace)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.done:
	}
	return errRenewed
}
