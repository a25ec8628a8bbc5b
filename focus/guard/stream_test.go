package guard

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// script is a connection that plays a stream in pieces of at most cut bytes.
type script struct {
	in      []byte
	cut     int
	written bytes.Buffer
	closed  bool
}

func (s *script) Read(b []byte) (int, error) {
	if s.closed {
		return 0, net.ErrClosed
	}
	if len(s.in) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), s.cut)], s.in)
	s.in = s.in[n:]
	return n, nil
}

func (s *script) Write(b []byte) (int, error)      { return s.written.Write(b) }
func (s *script) Close() error                     { s.closed = true; return nil }
func (s *script) LocalAddr() net.Addr              { return &net.UnixAddr{Name: "local"} }
func (s *script) RemoteAddr() net.Addr             { return &net.UnixAddr{Name: "remote"} }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// unlimited are the defaults without rates.
func unlimitedRates() Limits {
	l := DefaultLimits()
	l.Calls, l.Messages, l.Answers, l.AnswersTotal = Rate{}, Rate{}, Rate{}, Rate{}
	l.Sources = 1
	return l
}

// readAll plays the stream and returns all that comes out, and how many messages.
func readAll(t *testing.T, stream []byte, cut, read int) ([]byte, uint64) {
	t.Helper()
	g, err := New(unlimitedRates(), nil)
	if err != nil {
		t.Fatal(err)
	}
	c, ok := Conn(&script{in: stream, cut: cut}, g)
	if !ok {
		t.Fatal("refused")
	}
	var out []byte
	b := make([]byte, read)
	for {
		n, err := c.Read(b)
		out = append(out, b[:n]...)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			break
		}
	}
	c.Close()
	s := g.Stats()
	if s.StreamMemory != 0 || s.Connections != 0 {
		t.Fatalf("left behind: %+v", s)
	}
	return out, s.Requests + s.Responses
}

func withBody(id, body string) string {
	return strings.Replace(options(id, "TCP"), "Content-Length: 0\r\n\r\n",
		"Content-Type: text/plain\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"+body, 1)
}
