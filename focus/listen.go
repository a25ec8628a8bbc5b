package focus

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/confd/confd/focus/guard"
)

// Listen is one address that callers may dial.
type Listen struct {
	Network string // "udp", "tcp" or "tls"
	Address string // HOST:PORT; an empty host is every address, port 0 a free one
}

// String returns the form that ParseListen reads.
func (l Listen) String() string { return l.Network + ":" + l.Address }

// ParseListen reads what users type: udp:HOST:PORT, tcp:HOST:PORT, tls:HOST:PORT, or a
// bare HOST:PORT, which means UDP and TCP.
func ParseListen(s string) ([]Listen, error) {
	for _, n := range []string{"udp", "tcp", "tls"} {
		if rest, ok := strings.CutPrefix(s, n+":"); ok {
			l := Listen{n, rest}
			return []Listen{l}, l.check(true)
		}
	}
	both := []Listen{{"udp", s}, {"tcp", s}}
	return both, both[0].check(true)
}

func (l Listen) check(hasTLS bool) error {
	switch l.Network {
	case "udp", "tcp":
	case "tls":
		if !hasTLS {
			return fmt.Errorf("focus: %s needs a certificate", l)
		}
	default:
		return fmt.Errorf("focus: %q is no transport; use udp, tcp or tls", l.Network)
	}
	if _, _, err := net.SplitHostPort(l.Address); err != nil {
		return fmt.Errorf("focus: %q is no address: want HOST:PORT, with [] around an IPv6 host: %w", l.Address, err)
	}
	return nil
}

// listener is an open socket.
type listener struct {
	network string
	packet  net.PacketConn // udp
	stream  net.Listener   // tcp, tls
	closed  atomic.Bool
}

func (l *listener) addr() net.Addr {
	if l.packet != nil {
		return l.packet.LocalAddr()
	}
	return l.stream.Addr()
}

func (l *listener) close() error {
	l.closed.Store(true)
	if l.packet != nil {
		return l.packet.Close()
	}
	return l.stream.Close()
}

// Start opens all sockets and serves them. If one cannot be opened, none stays open.
func (a *Agent) Start() error {
	if !a.enter() {
		return ErrClosed
	}
	defer a.work.Done()
	for _, l := range a.cfg.Listen {
		opened, err := a.open(l)
		if err != nil {
			return errors.Join(fmt.Errorf("focus: listen on %s: %w", l, err), a.closeListeners())
		}
		a.listeners = append(a.listeners, opened)
	}
	for _, l := range a.listeners {
		a.serve.Add(1)
		go func() {
			defer a.serve.Done()
			a.run(l)
		}()
	}
	a.streams.serve(a)
	a.spawn(a.watch)
	return nil
}

func (a *Agent) open(l Listen) (*listener, error) {
	if l.Network == "udp" {
		conn, err := net.ListenPacket("udp", l.Address)
		if err != nil {
			return nil, err
		}
		if u, ok := conn.(*net.UDPConn); ok {
			_ = u.SetReadBuffer(1 << 20) // a burst of INVITEs; the kernel may give less
		}
		return &listener{network: l.Network, packet: guard.PacketConn(conn, a.cfg.Guard)}, nil
	}
	stream, err := net.Listen("tcp", l.Address)
	if err != nil {
		return nil, err
	}
	if l.Network == "tls" {
		stream = tls.NewListener(stream, a.cfg.TLS)
	}
	return &listener{network: l.Network, stream: guard.Listener(stream, a.cfg.Guard)}, nil
}

// Addrs returns the addresses that are listened on, in the order of Config.Listen, after
// Start.
func (a *Agent) Addrs() []net.Addr {
	out := make([]net.Addr, 0, len(a.listeners))
	for _, l := range a.listeners {
		out = append(out, l.addr())
	}
	return out
}

func (a *Agent) closeListeners() error {
	var err error
	a.streams.close()
	for _, l := range a.listeners {
		if e := l.close(); e != nil && !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// run serves l until it is closed, and again after an error that may pass.
func (a *Agent) run(l *listener) {
	serve := func() error { return guard.ServeUDP(l.packet, a.tpl.ServeUDP) }
	switch l.network {
	case "tcp":
		serve = func() error { return a.tpl.ServeTCP(l.stream) }
	case "tls":
		serve = func() error { return a.tpl.ServeTLS(l.stream) }
	}
	for {
		err := serve()
		if l.closed.Load() {
			return
		}
		a.log.Warn("SIP listener was interrupted", "listen", l.addr().String(), "error", err)
		select {
		case <-a.ctx.Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}
