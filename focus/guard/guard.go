package guard

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/confd/confd/internal/clock"
)

// Guard holds the limits, the memory of sources and the counters that all guarded sockets
// of a server share. Any goroutine may call its methods.
type Guard struct {
	limits  Limits
	limiter *limiter
	now     func() int64

	datagrams, messages        atomic.Uint64
	requests, responses, pings atomic.Uint64
	answers, answersWithheld   atomic.Uint64
	accepted                   atomic.Uint64
	reasons                    [reasonCount]atomic.Uint64
	streamMemory               atomic.Int64

	connections connections
}

// New returns a guard with the limits, or Limits.Validate's error. now is the clock of the
// rates in monotonic nanoseconds; nil is the system's.
func New(l Limits, now func() int64) (*Guard, error) {
	if err := l.Validate(); err != nil {
		return nil, err
	}
	if now == nil {
		now = clock.Now
	}
	g := &Guard{limits: l, now: now, limiter: newLimiter(l, now())}
	g.connections.perSource = make(map[netip.Prefix]int)
	return g, nil
}

// AllowCall decides on a new call from addr, and takes a token of its source for it. Call it
// once for each INVITE that opens a dialog, not for retransmissions or re-INVITEs. Refuse
// wants 503 with Retry-After, Ignore no answer at all.
func (g *Guard) AllowCall(addr netip.Addr) Decision { return g.limiter.allowCall(g.now(), addr) }

// Stats is a snapshot of the counters since New.
type Stats struct {
	Datagrams uint64 // datagrams read
	Messages  uint64 // whole messages framed from streams
	Requests  uint64 // requests handed on
	Responses uint64 // responses handed on
	Pings     uint64 // keep-alives on streams that were answered (RFC 5626)
	Answers   uint64 // malformed requests that were answered
	// AnswersWithheld is malformed requests that got no answer because of its rate.
	AnswersWithheld uint64
	Accepted        uint64 // stream connections let in
	Connections     int    // stream connections now
	StreamMemory    int64  // bytes of unfinished messages now, beyond the first 4 KiB of each stream
	// Refused counts by reason what was dropped, answered, closed or slowed; the key is
	// Reason.String. Every reason is present.
	Refused map[string]uint64
}

// Stats returns the counters.
func (g *Guard) Stats() Stats {
	s := Stats{
		Datagrams: g.datagrams.Load(), Messages: g.messages.Load(),
		Requests: g.requests.Load(), Responses: g.responses.Load(), Pings: g.pings.Load(),
		Answers: g.answers.Load(), AnswersWithheld: g.answersWithheld.Load(),
		Accepted: g.accepted.Load(), Connections: g.connections.count(),
		StreamMemory: g.streamMemory.Load(),
		Refused:      make(map[string]uint64, reasonCount),
	}
	for r := OK + 1; r < reasonCount; r++ {
		s.Refused[r.String()] = g.reasons[r].Load()
	}
	return s
}

func (g *Guard) count(r Reason) { g.reasons[r].Add(1) }

// inspect checks one message and appends what is to be handed on to out. If that is
// nothing, answer may hold the response to send to the source, appended to out too. The
// caller, who may still be unable to hand it on, counts what it does.
func (g *Guard) inspect(m *message, raw []byte, stream bool, src netip.AddrPort, out []byte) (pass, answer []byte) {
	v := m.check(raw, stream, &g.limits)
	if v.Action == Pass {
		pass = m.appendCanonical(out, src.Addr())
		switch {
		case len(pass) > g.limits.MessageSize:
			m.fail(MessageTooLarge)
			v = m.verdict()
		case g.flooding(m, src.Addr()):
			g.count(CallFlood)
			return nil, nil
		default:
			return pass, nil
		}
	}
	g.count(v.Reason)
	return nil, g.answer(m, v, src, out)
}

func (g *Guard) flooding(m *message, src netip.Addr) bool {
	return string(m.method) == "INVITE" && m.to.tag == nil && g.limiter.callsIgnored(g.now(), src)
}

func (g *Guard) countPassed(m *message) {
	if m.response {
		g.responses.Add(1)
	} else {
		g.requests.Add(1)
	}
}

// maxAnswer is the most bytes of an answer to a malformed request.
const maxAnswer = 16384

func (g *Guard) answer(m *message, v Verdict, src netip.AddrPort, out []byte) []byte {
	if v.Action != Answer {
		return nil
	}
	if !g.limiter.allowAnswer(g.now(), src.Addr()) {
		g.answersWithheld.Add(1)
		return nil
	}
	answer := m.appendAnswer(out[:0], v, src)
	if len(answer) > maxAnswer {
		g.answersWithheld.Add(1)
		return nil
	}
	g.answers.Add(1)
	return answer
}

// connections counts stream connections, in all and by source.
type connections struct {
	mu        sync.Mutex
	total     int
	perSource map[netip.Prefix]int
}

func (c *connections) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total
}

// open takes a place for a connection from addr, or says why there is none.
func (g *Guard) open(addr netip.Addr) (key netip.Prefix, r Reason) {
	addr = plain(addr)
	key = g.limiter.prefix(addr)
	_, trusted := g.limiter.policy(addr)
	c := &g.connections
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.total >= g.limits.Connections:
		return key, ConnectionsTotal
	case !trusted && c.perSource[key] >= g.limits.ConnectionsPerSource:
		return key, ConnectionsSource
	}
	c.total++
	c.perSource[key]++
	return key, OK
}

func (g *Guard) release(key netip.Prefix) {
	c := &g.connections
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total--
	if c.perSource[key]--; c.perSource[key] <= 0 {
		delete(c.perSource, key)
	}
}

// backoff waits between errors of a socket that may pass, such as too many open files.
type backoff time.Duration

// pause says whether the error is one that may pass, and waits if so.
func (b *backoff) pause(g *Guard, err error) bool {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	g.count(SocketError)
	*b = min(max(2**b, backoff(time.Millisecond)), backoff(200*time.Millisecond))
	time.Sleep(time.Duration(*b))
	return true
}

// sourceOf returns the address that a connection or packet came from.
func sourceOf(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.UDPAddr:
		return unmap(a.AddrPort())
	case *net.TCPAddr:
		return unmap(a.AddrPort())
	}
	p, _ := netip.ParseAddrPort(a.String())
	return unmap(p)
}

func unmap(p netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}
