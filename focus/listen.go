package focus

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"
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
		if a.cfg.Guard != nil {
			conn = a.cfg.Guard.WrapPacketConn(conn)
		}
		return &listener{network: l.Network, packet: conn}, nil
	}
	stream, err := net.Listen("tcp", l.Address)
	if err != nil {
		return nil, err
	}
	if l.Network == "tls" {
		stream = tls.NewListener(stream, a.cfg.TLS)
	}
	if a.cfg.Guard != nil {
		stream = a.cfg.Guard.WrapListener(stream)
	}
	return &listener{network: l.Network, stream: stream}, nil
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
	for _, l := range a.listeners {
		if e := l.close(); e != nil && !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// run serves l until it is closed.
func (a *Agent) run(l *listener) {
	switch l.network {
	case "udp":
		a.readPackets(l)
	case "tcp":
		a.accept(l, a.tpl.ServeTCP)
	case "tls":
		a.accept(l, a.tpl.ServeTLS)
	}
}

// readPackets serves l, and again after it was made to forget, or a read failed.
func (a *Agent) readPackets(l *listener) {
	for !l.closed.Load() {
		conn := &forgetful{PacketConn: l.packet}
		err := a.tpl.ServeUDP(conn)
		if l.closed.Load() || conn.seen >= maxSources {
			continue
		}
		a.log.Warn("SIP listener could not read", "listen", l.addr().String(), "error", err)
		select {
		case <-a.ctx.Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// accept serves l, and again after an error that a busy machine makes (no descriptor
// left).
func (a *Agent) accept(l *listener, serve func(net.Listener) error) {
	for {
		err := serve(l.stream)
		if l.closed.Load() {
			return
		}
		a.log.Warn("SIP listener could not accept", "listen", l.addr().String(), "error", err)
		select {
		case <-a.ctx.Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// sipgo remembers every source address of a UDP socket for as long as it reads from it: a
// stranger with many addresses could fill the memory. forgetful ends the reading after
// maxSources changes of source, as if the socket had been closed; run then serves the same
// socket again, with empty maps.
type forgetful struct {
	net.PacketConn
	last string
	seen int
}

const (
	maxSources = 50000
	// settle lets the requests just read find their socket before the maps go.
	settle = 20 * time.Millisecond
)

func (f *forgetful) ReadFrom(b []byte) (int, net.Addr, error) {
	if f.seen >= maxSources {
		time.Sleep(settle)
		return 0, nil, net.ErrClosed
	}
	n, from, err := f.PacketConn.ReadFrom(b)
	if err == nil {
		if s := from.String(); s != f.last {
			f.last = s
			f.seen++
		}
	}
	return n, from, err
}
