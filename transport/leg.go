package transport

import (
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"unsafe"

	"github.com/confd/confd/internal/cache"
	"github.com/confd/confd/internal/clock"
)

// Leg is one call's media: a pair of UDP sockets of its own, drained at the tick. It is a
// media.Source and a media.Sink.
//
// Apply, Poll, Send and Close belong to the leg's owner: one goroutine at a time, that of
// the tick while the leg is attached. The other methods may be called by any goroutine.
type Leg struct {
	// What every packet touches comes first, close together: Near has it fetched.
	closed    atomic.Bool
	open      bool // media is sent: the peer wants it, at an address
	paused    bool // the next packet is the first after a pause
	cadence   cadence
	ssrc      atomic.Uint32
	plan      plan
	setup     *Setup
	crypto    *crypto // nil for plain RTP
	rtp       socket
	lastPoll  int64
	heard     int64 // monotonic nanoseconds of the last packet of the peer
	fullPolls int   // polls in a row that hit their limit
	timeline  Timeline
	sequence  uint64 // of the next packet, wraps included
	stampTime int64  // when lastStamp was sent
	lastStamp uint32
	lastIn    uint16 // sequence number of the packet read last
	reception reception
	latch     latch
	report    reporter
	count     counters

	pool    *PortPool
	pair    int
	ports   [2]int
	cname   string
	vouched atomic.Pointer[netip.Addr]
	rtcp    socket
	loop    loop
	seen    [8]candidate // of latch
	video   *VideoLeg    // whose sockets, peer, keys and reports these are; nil for audio
}

// near is how much of a leg every packet touches, bytes: up to the counters that come first.
const near = unsafe.Offsetof(Leg{}.count) + cache.Line

// Near implements media.Nearer.
func (l *Leg) Near() { cache.Fetch(l, near) }

// Listen opens a leg on a pair of the pool's ports. Local is the address to bind; the
// unspecified IPv4 or IPv6 address stands for all, and :: hears IPv4 as well. A leg accepts
// and sends nothing before Apply. Any goroutine may call Listen; it returns ErrNoPorts if
// the pool is exhausted.
func (p *PortPool) Listen(local netip.Addr) (*Leg, error) {
	l := new(Leg)
	if err := l.listen(p, local); err != nil {
		return nil, err
	}
	return l, nil
}

// listen makes an empty leg one on a pair of the pool's ports.
func (l *Leg) listen(p *PortPool, local netip.Addr) error {
	if !local.IsValid() {
		return errors.New("cannot listen for RTP: no local address given; 0.0.0.0 or :: stands for all")
	}
	index, rtp, rtcp, err := p.sockets(local)
	if err != nil {
		return fmt.Errorf("cannot listen for RTP on %v: %w", local, err)
	}
	l.pool, l.pair, l.rtp, l.rtcp, l.cname = p, index, rtp, rtcp, NewCNAME()
	port := p.low + 2*index
	l.ports = [2]int{port, port + 1}
	l.ssrc.Store(Random32())
	l.timeline.base = Random32()
	// The first half of the range, so that the first wrap is not mistaken by who hears the
	// second packet first (RFC 3711 section 3.3.1).
	l.sequence = uint64(Random32() & 0x7fff)
	l.paused = true
	l.latch.seen = &l.seen
	return nil
}

// LocalPort returns the ports that the leg is bound to.
func (l *Leg) LocalPort() (rtp, rtcp int) { return l.ports[0], l.ports[1] }

// SSRC returns the synchronization source that the leg sends under. It changes if the
// peer turns out to use the same (RFC 3550 section 8.2).
func (l *Leg) SSRC() uint32 { return l.ssrc.Load() }

// CNAME returns the canonical name that the leg's reports carry.
func (l *Leg) CNAME() string { return l.cname }

// errClosed reports a call after Close.
var errClosed = errors.New("the leg is closed")

// Apply puts a negotiated state into force. The owner calls it, between two ticks or
// before the leg is attached. Sequence numbers and timestamps go on, and so does the
// choice of peer if the signalled address did not change. On error nothing has changed.
func (l *Leg) Apply(s *Setup) error {
	if l.closed.Load() {
		return errClosed
	}
	for _, a := range []netip.AddrPort{s.params.RemoteRTP, s.params.RemoteRTCP} {
		if a.IsValid() && !l.rtp.reaches(a.Addr()) {
			return fmt.Errorf("cannot send to %v from an IPv4 socket: want an IPv4 address, or a leg that listens on IPv6", a)
		}
	}
	now := clock.Now()
	l.crypto = l.rekey(s.crypto, now)
	if s.params.Receive && (l.setup == nil || !l.setup.params.Receive) {
		l.heard = now // its silence while it might not speak does not count
	}
	l.setup, l.plan = s, s.plan()
	l.retarget(&s.params, now)
	l.retargetControl()
	l.report.begin(now)
	l.aim()
	return nil
}

// aim notes whether there is anybody to send media to.
func (l *Leg) aim() {
	p := &l.setup.params
	l.open = p.Send && usable(p.RemoteRTP) && usable(l.latch.remote)
}

// Close says goodbye to the peer, closes the sockets and lets the port pair rest. The
// owner calls it, or anyone once the leg is detached. Further calls do nothing.
func (l *Leg) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	l.sayBye(l.SSRC())
	l.stand(standingSpent)
	l.publish()
	l.rtp.close()
	l.rtcp.close()
	l.pool.give(l.pair, clock.Now()+l.pool.drain)
	return nil
}

// publish makes what the owner computes visible to Stats.
func (l *Leg) publish() {
	if l.video != nil {
		l.video.publish()
		return
	}
	l.count.lost.Store(l.reception.totalLost())
	l.count.jitter.Store(int64(l.reception.jitterTime()))
	l.count.sources.Store(l.reception.changes)
}
