package phone

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
)

// wire moves whole SIP messages.
type wire interface {
	// send writes one message; to is heeded on UDP only.
	send(message []byte, to netip.AddrPort) error
	// receive blocks for the next message. Only one goroutine calls it.
	receive() (message []byte, from netip.AddrPort, err error)
	local() netip.AddrPort
	name() string // as in Via
	reliable() bool
	close() error
}

func openWire(ctx context.Context, o *Options, transport string, local netip.Addr, to netip.AddrPort) (wire, error) {
	if transport == "udp" {
		c, err := o.Network.ListenPacket("udp", netip.AddrPortFrom(local, 0).String())
		if err != nil {
			return nil, err
		}
		return &udpWire{conn: c.(*net.UDPConn), buf: make([]byte, 65536)}, nil
	}
	c, err := o.Network.DialContext(ctx, "tcp", to.String())
	if err != nil {
		return nil, err
	}
	w := &streamWire{conn: c, kind: strings.ToUpper(transport)}
	if transport == "tls" {
		config := &tls.Config{}
		if o.TLS != nil {
			config = o.TLS.Clone()
		}
		if config.ServerName == "" {
			config.ServerName = to.Addr().String()
		}
		secure := tls.Client(c, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			c.Close()
			return nil, err
		}
		w.conn = secure
	}
	w.reader = bufio.NewReader(w.conn)
	return w, nil
}

type udpWire struct {
	conn *net.UDPConn
	buf  []byte
}

func (w *udpWire) send(m []byte, to netip.AddrPort) error {
	_, err := w.conn.WriteToUDPAddrPort(m, to)
	return err
}

func (w *udpWire) receive() ([]byte, netip.AddrPort, error) {
	n, from, err := w.conn.ReadFromUDPAddrPort(w.buf)
	return w.buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), err
}

func (w *udpWire) local() netip.AddrPort { return unmapped(w.conn.LocalAddr()) }
func (w *udpWire) name() string          { return "UDP" }
func (w *udpWire) reliable() bool        { return false }
func (w *udpWire) close() error          { return w.conn.Close() }

type streamWire struct {
	kind   string
	conn   net.Conn
	reader *bufio.Reader
	mu     sync.Mutex // of writes
}

func (w *streamWire) send(m []byte, _ netip.AddrPort) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := w.conn.Write(m)
	return err
}

// receive frames by Content-Length (RFC 3261 section 18.3), past keep-alive line ends.
func (w *streamWire) receive() ([]byte, netip.AddrPort, error) {
	var head bytes.Buffer
	length := -1
	for {
		line, err := w.reader.ReadString('\n')
		if err != nil {
			return nil, netip.AddrPort{}, err
		}
		blank := strings.TrimRight(line, "\r\n") == ""
		if blank && head.Len() == 0 {
			continue
		}
		head.WriteString(line)
		if blank {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		if n := strings.ToLower(strings.TrimSpace(name)); n == "content-length" || n == "l" {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return nil, netip.AddrPort{}, err
			}
		}
	}
	if length < 0 || length > 1<<20 {
		return nil, netip.AddrPort{}, fmt.Errorf("message on a stream with Content-Length %d:\n%s", length, head.String())
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(w.reader, body); err != nil {
		return nil, netip.AddrPort{}, err
	}
	return append(head.Bytes(), body...), unmapped(w.conn.RemoteAddr()), nil
}

func (w *streamWire) local() netip.AddrPort { return unmapped(w.conn.LocalAddr()) }
func (w *streamWire) name() string          { return w.kind }
func (w *streamWire) reliable() bool        { return true }
func (w *streamWire) close() error          { return w.conn.Close() }

func unmapped(a net.Addr) netip.AddrPort {
	ap, _ := netip.ParseAddrPort(a.String())
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
