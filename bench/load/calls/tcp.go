package calls

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// stream carries a line over one TCP connection to the server, which is opened when it is
// needed and anew when it broke.
type stream struct {
	line *line

	mu      sync.Mutex
	conn    *net.TCPConn // nil: none
	local   netip.AddrPort
	closed  bool
	used    bool      // there has been one
	failure error     // of the last attempt to connect
	failed  time.Time // when that was
	readers sync.WaitGroup
}

// restAfterFailure keeps thousands of callers from waiting one after the other for a server
// that does not answer.
const restAfterFailure = time.Second

func (s *stream) ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connect()
}

// connect needs s.mu.
func (s *stream) connect() error {
	switch {
	case s.closed:
		return errClosed
	case s.conn != nil:
		return nil
	case s.failure != nil && time.Since(s.failed) < restAfterFailure:
		return s.failure
	}
	config := &s.line.agent.config
	dialer := net.Dialer{
		Timeout:   config.Timeouts.Trying,
		LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(config.Local, 0)),
	}
	conn, err := dialer.Dial("tcp", config.Server.String())
	if err != nil {
		s.failure, s.failed = err, time.Now()
		return err
	}
	if s.used {
		s.line.agent.count.reconnects.Add(1)
	}
	s.used, s.failure, s.conn = true, nil, conn.(*net.TCPConn)
	local := s.conn.LocalAddr().(*net.TCPAddr).AddrPort()
	s.local = netip.AddrPortFrom(local.Addr().Unmap(), local.Port())
	s.readers.Add(1)
	go s.read(s.conn)
	return nil
}

func (s *stream) address() netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.local
}

// send writes to the server, wherever the dialog points to: a connection leads to one place.
func (s *stream) send(packet []byte, _ netip.AddrPort) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.connect(); err != nil {
		return err
	}
	err := s.conn.SetWriteDeadline(time.Now().Add(writeLimit))
	if err == nil {
		_, err = s.conn.Write(packet)
	}
	if err != nil {
		s.conn.Close() // its reader sees to the rest
	}
	return err
}

// read hands every message to the line until the connection ends.
func (s *stream) read(conn *net.TCPConn) {
	defer s.readers.Done()
	why := s.readAll(conn)
	conn.Close()
	s.mu.Lock()
	s.conn = nil
	closed := s.closed
	s.mu.Unlock()
	if !closed {
		s.line.endAll(fmt.Errorf("the connection to %v broke: %w", s.line.agent.config.Server, why))
	}
}

func (s *stream) readAll(conn *net.TCPConn) error {
	server := s.line.agent.config.Server
	in := bufio.NewReaderSize(conn, maxMessage)
	for {
		text, err := readMessage(in)
		if err != nil {
			return err
		}
		s.line.receive(text, server)
	}
}

var errFraming = errors.New("the server sends what is not framed as SIP messages are")

// readMessage reads a header and as much as its Content-Length says (RFC 3261 section 18.3).
func readMessage(in *bufio.Reader) (string, error) {
	var head strings.Builder
	length := 0
	for {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) || head.Len()+len(line) > maxMessage {
			return "", fmt.Errorf("%w: a header of more than %d bytes", errFraming, maxMessage)
		}
		if err != nil {
			return "", err
		}
		if len(line) == 2 && line[0] == '\r' {
			if head.Len() == 0 { // keep-alive
				continue
			}
			head.WriteString("\r\n")
			break
		}
		head.Write(line)
		if n, ok := contentLength(string(line)); ok {
			length = n
		}
	}
	if length < 0 || length > maxMessage {
		return "", fmt.Errorf("%w: its Content-Length is not 0 to %d", errFraming, maxMessage)
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(in, body); err != nil {
		return "", err
	}
	return head.String() + string(body), nil
}

// contentLength reads a header line; -1 is a length that cannot be.
func contentLength(line string) (int, bool) {
	name, value, _ := strings.Cut(line, ":")
	name = strings.ToLower(strings.TrimSpace(name))
	if name != "content-length" && name != "l" {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
	if err != nil {
		return -1, true
	}
	return int(n), true
}

func (s *stream) close() error {
	s.mu.Lock()
	s.closed = true
	if s.conn != nil {
		s.conn.Close()
	}
	s.mu.Unlock()
	s.readers.Wait()
	return nil
}
