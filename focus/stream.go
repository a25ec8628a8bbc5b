package focus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/focus/guard"
)

// Stream connections that the server opens are made here, not by sipgo, so that the guard
// reads them as it reads those that peers open: requests of the peer come over them, too.
// Each is handed to sipgo as if it had been accepted by a listener.

// connectTimeout bounds one TCP connection with its TLS handshake.
const connectTimeout = 5 * time.Second

// errOwnConnections is what sipgo gets that would open a connection by itself: it wants to
// only where the one that a request came by is gone.
var errOwnConnections = errors.New("focus: the connection is gone")

// ownStreams are sipgo's stream transports without a dialler.
func ownStreams() sip.TransportsConfig {
	never := func(net.Addr) net.Dialer {
		return net.Dialer{Control: func(string, string, syscall.RawConn) error { return errOwnConnections }}
	}
	return sip.TransportsConfig{
		TCP: &sip.TransportTCP{DialerCreate: never},
		TLS: &sip.TransportTLS{TransportTCP: &sip.TransportTCP{DialerCreate: never}},
	}
}

// handover is the listener through which sipgo gets connections of one network.
type handover struct {
	conns  chan net.Conn
	taken  chan struct{} // an element for each connection that is in sipgo's pool
	closed chan struct{}
	once   sync.Once
	giving bool       // of Accept: the last connection has not been confirmed
	mu     sync.Mutex // one connection at a time
}

func newHandover() *handover {
	return &handover{conns: make(chan net.Conn), taken: make(chan struct{}), closed: make(chan struct{})}
}

// Accept implements net.Listener. sipgo calls it again once it has taken the last connection
// into its pool.
func (h *handover) Accept() (net.Conn, error) {
	if h.giving {
		h.giving = false
		h.taken <- struct{}{}
	}
	select {
	case c := <-h.conns:
		h.giving = true
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handover) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// Addr implements net.Listener: sipgo wants one with a port.
func (h *handover) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// give returns when c is in sipgo's pool, or closes it.
func (h *handover) give(ctx context.Context, c net.Conn) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case h.conns <- c:
		<-h.taken
		return nil
	case <-h.closed:
		_ = c.Close()
		return net.ErrClosed
	case <-ctx.Done():
		_ = c.Close()
		return ctx.Err()
	}
}

// streams are the connections that we open.
type streams struct {
	tcp, tls *handover

	mu       sync.Mutex
	verified map[string]string // remote address -> the name that its certificate was checked for
}

// maxVerified bounds the addresses that are remembered.
const maxVerified = 4096

func newStreams() *streams {
	return &streams{tcp: newHandover(), tls: newHandover(), verified: map[string]string{}}
}

func (s *streams) serve(a *Agent) {
	a.serve.Add(2)
	go func() {
		defer a.serve.Done()
		_ = a.tpl.ServeTCP(s.tcp) // its error is that it was closed
	}()
	go func() {
		defer a.serve.Done()
		_ = a.tpl.ServeTLS(s.tls)
	}()
}

func (s *streams) close() {
	_ = s.tcp.Close()
	_ = s.tls.Close()
}

// isFor reports whether the certificate of the connection to an address was checked for host.
func (s *streams) isFor(addr, host string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.verified[addr] == host
}

func (s *streams) setVerified(addr, host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.verified) >= maxVerified {
		clear(s.verified)
	}
	s.verified[addr] = host
}

// connect makes sure that there is a connection to an address and returns its local end.
// host is whose certificate TLS must show.
func (a *Agent) connect(ctx context.Context, network string, to netip.AddrPort, host string) (netip.AddrPort, error) {
	known, err := a.tpl.GetConnection(network, to.String())
	if err == nil {
		defer known.TryClose() // gives back the reference that GetConnection took
		if network == "TCP" || a.streams.isFor(to.String(), host) {
			return addrPort(known.LocalAddr()), nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", to.String())
	if err != nil {
		return netip.AddrPort{}, err
	}
	through := a.streams.tcp
	if network == "TLS" {
		if conn, err = a.secure(ctx, conn, host); err != nil {
			return netip.AddrPort{}, err
		}
		through = a.streams.tls
	}
	guarded, ok := guard.Conn(conn, a.cfg.Guard)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("there are too many connections, or too many to %v", to.Addr())
	}
	if network == "TLS" {
		a.streams.setVerified(to.String(), host)
	}
	return addrPort(conn.LocalAddr()), through.give(ctx, guarded)
}

// secure is the client's side of a TLS handshake.
func (a *Agent) secure(ctx context.Context, conn net.Conn, host string) (net.Conn, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if a.cfg.DialTLS != nil {
		cfg = a.cfg.DialTLS.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	c := tls.Client(conn, cfg)
	if err := c.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("TLS with %s: %w", host, err)
	}
	return c, nil
}

// transaction sends a request of ours in a transaction. name is as for reconnect.
func (a *Agent) transaction(ctx context.Context, req *sip.Request, name string) (*sip.ClientTx, error) {
	if err := a.reconnect(ctx, req, name); err != nil {
		return nil, err
	}
	return a.txl.Request(a.ctx, req)
}

// reconnect sees to it that sipgo finds a connection for a request, and has nothing to ask
// DNS, for which it would wait without bound. name is whose certificate TLS must show where
// the destination is a bare address; empty: that.
func (a *Agent) reconnect(ctx context.Context, req *sip.Request, name string) error {
	network := req.Transport()
	if network != "UDP" && a.isConnected(network, req.Destination()) {
		return nil
	}
	to, err := a.locate(ctx, network, req.Destination())
	if err != nil {
		return err
	}
	if _, err := netip.ParseAddr(to.host); err == nil && name != "" {
		to.host = name
	}
	req.SetDestination(to.addr.String())
	if network == "UDP" {
		return a.awaitSocket(ctx, req.Laddr)
	}
	_, err = a.connect(ctx, network, to.addr, to.host)
	return err
}

func (a *Agent) isConnected(network, addr string) bool {
	c, err := a.tpl.GetConnection(network, addr)
	if err == nil {
		_, _ = c.TryClose() // gives back the reference that GetConnection took
	}
	return err == nil
}

// awaitSocket waits for sipgo to serve a UDP listener: it does so soon after Start, and again
// soon after an interruption. Meanwhile it would open a socket of its own.
func (a *Agent) awaitSocket(ctx context.Context, bound sip.Addr) error {
	for end := time.Now().Add(time.Second); !a.isConnected("UDP", bound.String()); {
		if time.Now().After(end) {
			return fmt.Errorf("the listener on %s is not being served", bound.String())
		}
		select {
		case <-time.After(2 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// write sends a request without a transaction, an ACK: to source if it cannot be sent where
// it should.
func (d *dialog) write(req *sip.Request, source netip.AddrPort) error {
	a := d.agent
	err := a.reconnect(a.ctx, req, d.peerName)
	if err != nil && a.ctx.Err() == nil && req.Destination() != source.String() {
		req.SetDestination(source.String())
		err = a.reconnect(a.ctx, req, d.peerName)
	}
	if err != nil {
		return err
	}
	return a.tpl.WriteMsg(req)
}

// addrPort is the address of a connection's end, zero if it has none.
func addrPort(addr net.Addr) netip.AddrPort {
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// unbracket is a host as a URI writes it, without the brackets of IPv6.
func unbracket(host string) string { return strings.Trim(host, "[]") }
