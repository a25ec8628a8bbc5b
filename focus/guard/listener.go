package guard

import (
	"crypto/tls"
	"net"
)

// Listener wraps a stream listener, TCP or the tls.Listener over it: its connections frame
// messages themselves and return from Read only checked messages in canonical form. It
// bounds connections, their time and their memory, and survives errors of Accept that may pass.
func Listener(inner net.Listener, g *Guard) net.Listener {
	return &listener{Listener: inner, g: g}
}

type listener struct {
	net.Listener
	g *Guard
}

// Accept returns the next connection that has a place.
func (l *listener) Accept() (net.Conn, error) {
	var wait backoff
	for {
		inner, err := l.Listener.Accept()
		if err != nil {
			if wait.pause(l.g, err) {
				continue
			}
			return nil, err
		}
		wait = 0
		if c, ok := Conn(inner, l.g); ok {
			return c, nil
		}
	}
}

// Conn wraps one stream connection as Listener does, also one that the server dialled. If
// there is no place for it, it is closed and ok is false.
func Conn(inner net.Conn, g *Guard) (c net.Conn, ok bool) {
	src := sourceOf(inner.RemoteAddr())
	key, refused := g.open(src.Addr())
	if refused != OK {
		g.count(refused)
		abort(inner)
		return nil, false
	}
	g.accepted.Add(1)
	return newConn(inner, g, src, key), true
}

// abort closes without lingering: the stranger, not the server, keeps the state.
func abort(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = c.Close()
}
