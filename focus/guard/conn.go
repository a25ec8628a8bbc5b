package guard

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// conn is a guarded stream connection. One goroutine reads; any may write or close.
type conn struct {
	net.Conn
	g      *Guard
	src    netip.AddrPort
	key    netip.Prefix
	closed chan struct{}
	once   sync.Once

	lastWrite atomic.Int64 // nanoseconds since accepted
	deadline  atomic.Int64 // the reader's own read deadline: Unix nanoseconds, 0 is none

	// Of the reader.
	in         []byte // read from the peer, not yet framed
	out        []byte // canonical message
	unread     []byte // what of out the reader has still to get
	framer     framer
	accepted   time.Time
	lastRead   time.Time
	began      time.Time // of the unfinished message; zero between messages
	spoken     bool      // a whole message or ping has come
	malformed  int
	readClosed bool

	charged atomic.Int64 // of Limits.StreamMemory
}

const (
	firstBuffer = 4 << 10
	lingerTime  = time.Second
	lingerBytes = 1 << 18
)

func newConn(inner net.Conn, g *Guard, src netip.AddrPort, key netip.Prefix) *conn {
	now := time.Now()
	return &conn{Conn: inner, g: g, src: src, key: key, closed: make(chan struct{}), accepted: now, lastRead: now}
}

// Read returns one checked message in canonical form, or the next part of one that b was too
// short for. Whatever ends the connection is io.EOF; the reason is counted.
func (c *conn) Read(b []byte) (int, error) {
	for {
		if len(c.unread) > 0 {
			n := copy(b, c.unread)
			if c.unread = c.unread[n:]; len(c.unread) == 0 && cap(c.out) > 2*firstBuffer {
				c.out = nil
			}
			return n, nil
		}
		if c.readClosed || len(b) == 0 {
			return 0, io.EOF
		}
		if err := c.step(len(b)); err != nil {
			return 0, err
		}
	}
}

// step takes one frame from the buffer, or reads more into it.
func (c *conn) step(chunk int) error {
	kind, n := c.framer.next(c.in, &c.g.limits)
	switch kind {
	case frameMore:
		return c.fill()
	case frameSkip:
		c.consume(n)
	case framePing:
		c.ping()
		c.consume(n)
	case frameMessage:
		c.take(c.in[:n], chunk)
		c.consume(n)
	case frameBroken:
		c.broken(c.in[:n])
	}
	return nil
}

// consume drops the first n bytes of the buffer, and the buffer if it is large and empty.
func (c *conn) consume(n int) {
	c.began = time.Time{}
	c.in = c.in[:copy(c.in, c.in[n:])]
	if len(c.in) == 0 && cap(c.in) > firstBuffer {
		c.in = nil
		c.uncharge()
	}
}

func (c *conn) ping() {
	c.spoken = true
	if !c.turn() {
		return
	}
	c.g.pings.Add(1)
	_, _ = c.Write(crlf)
}

// take checks a whole message and makes it what Read returns next.
func (c *conn) take(raw []byte, chunk int) {
	if !c.turn() {
		return
	}
	c.spoken = true
	c.g.messages.Add(1)
	var m message
	pass, answer := c.g.inspect(&m, raw, true, c.src, c.out[:0])
	if pass != nil {
		c.out = pass
		if zeroChunk(pass, chunk) {
			c.end(NulBody)
			return
		}
		c.unread = pass
		c.g.countPassed(&m)
		return
	}
	if answer != nil {
		_, _ = c.Write(answer)
	}
	if m.fault == OK {
		return
	}
	if c.malformed++; c.malformed >= c.g.limits.MalformedPerConnection {
		c.g.count(Malformed)
		c.linger()
	}
}

// zeroChunk tells whether a read of chunk bytes would return nothing but zeros: the library
// takes those for a keep-alive, even in the middle of a body, and loses the frame.
func zeroChunk(msg []byte, chunk int) bool {
	for len(msg) > chunk {
		msg = msg[chunk:]
		if allZero(msg[:min(chunk, len(msg))]) {
			return true
		}
	}
	return false
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// broken answers what cannot be framed, where it can be, and ends the connection.
func (c *conn) broken(raw []byte) {
	var m message
	c.g.messages.Add(1)
	_, answer := c.g.inspect(&m, raw, true, c.src, nil)
	if answer != nil {
		_, _ = c.Write(answer)
	}
	c.linger()
}

// turn waits for the source's message rate; false if the connection was closed meanwhile.
func (c *conn) turn() bool {
	for slowed := false; ; slowed = true {
		d := c.g.limiter.messageDelay(c.g.now(), c.src.Addr())
		if d == 0 {
			return true
		}
		if !slowed {
			c.g.count(MessageRate)
		}
		t := time.NewTimer(d)
		select {
		case <-t.C:
		case <-c.closed:
			t.Stop()
			c.readClosed = true
			return false
		}
	}
}

// fill reads more bytes, within the time that the connection has for it.
func (c *conn) fill() error {
	if !c.grow() {
		c.end(StreamMemory)
		return nil
	}
	if len(c.in) > 0 && c.began.IsZero() {
		c.began = time.Now()
	}
	due, why := c.due()
	user := c.deadline.Load()
	if user != 0 && user < due.UnixNano() {
		due = time.Unix(0, user)
	}
	_ = c.Conn.SetReadDeadline(due)
	n, err := c.Conn.Read(c.in[len(c.in):cap(c.in)])
	c.in = c.in[:len(c.in)+n]
	switch {
	case n > 0:
		c.lastRead = time.Now()
	case err == nil:
	case errors.Is(err, os.ErrDeadlineExceeded):
		return c.late(why, user)
	default:
		if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
			c.g.count(SocketError)
		}
		c.readClosed = true
		c.uncharge()
		return io.EOF
	}
	return nil
}

// late decides what a read deadline that passed means.
func (c *conn) late(why Reason, user int64) error {
	if user != 0 && time.Now().UnixNano() >= user {
		return os.ErrDeadlineExceeded
	}
	// A write meanwhile may have put the idle time off.
	if due, still := c.due(); still == why && !time.Now().Before(due) {
		c.end(why)
	}
	return nil
}

// due returns when the peer must have sent more, and what it is if it has not.
func (c *conn) due() (time.Time, Reason) {
	l := &c.g.limits
	last := c.lastRead
	if w := c.accepted.Add(time.Duration(c.lastWrite.Load())); w.After(last) {
		last = w
	}
	due, why := last.Add(l.IdleTime), IdleTimeout
	if !c.spoken {
		due, why = c.accepted.Add(l.FirstMessageTime), FirstMessageTimeout
	}
	if !c.began.IsZero() {
		if t := c.began.Add(l.MessageTime); t.Before(due) || c.spoken {
			due, why = t, MessageTimeout
		}
	}
	return due, why
}

// grow makes room in the buffer; what is beyond the first is charged to all streams together.
func (c *conn) grow() bool {
	if len(c.in) < cap(c.in) {
		return true
	}
	size := max(firstBuffer, min(2*cap(c.in), c.g.limits.MessageSize+firstBuffer))
	if size <= cap(c.in) {
		return false
	}
	if more := int64(size - max(cap(c.in), firstBuffer)); more > 0 {
		c.charged.Add(more)
		if c.g.streamMemory.Add(more) > c.g.limits.StreamMemory {
			return false
		}
	}
	c.in = append(make([]byte, 0, size), c.in...)
	return true
}

func (c *conn) uncharge() { c.g.streamMemory.Add(-c.charged.Swap(0)) }

// end closes the connection for a reason.
func (c *conn) end(r Reason) {
	c.g.count(r)
	c.readClosed = true
	_ = c.Close()
}

// linger closes so that an answer just written still arrives: what the peer goes on sending
// is read for a moment, because closing over unread bytes would reset the connection.
func (c *conn) linger() {
	c.readClosed = true
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok && w.CloseWrite() == nil {
		_ = c.Conn.SetReadDeadline(time.Now().Add(min(lingerTime, c.g.limits.MessageTime)))
		_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes)
	}
	_ = c.Close()
}

// Write writes within Limits.WriteTime. A write that fails closes the connection: half a
// message would spoil all that follow.
func (c *conn) Write(b []byte) (int, error) {
	now := time.Now()
	c.lastWrite.Store(int64(now.Sub(c.accepted)))
	_ = c.Conn.SetWriteDeadline(now.Add(c.g.limits.WriteTime))
	n, err := c.Conn.Write(b)
	if err != nil {
		_ = c.Close()
	}
	return n, err
}

// SetReadDeadline sets a deadline beside the connection's own; the earlier one counts.
func (c *conn) SetReadDeadline(t time.Time) error {
	if t.IsZero() {
		c.deadline.Store(0)
		return nil
	}
	c.deadline.Store(t.UnixNano())
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline does nothing: every write has Limits.WriteTime.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline is SetReadDeadline.
func (c *conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// Close closes the connection and gives its place free. Later calls do nothing.
func (c *conn) Close() (err error) {
	c.once.Do(func() {
		close(c.closed)
		err = c.Conn.Close()
		c.uncharge()
		c.g.release(c.key)
	})
	return err
}
