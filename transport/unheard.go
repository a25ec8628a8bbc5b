package transport

import (
	"net/netip"
	"sync/atomic"
	"time"
)

// Where a peer wants its media is what it says. Until that address is known to be its own,
// little is sent there: DESIGN.md, "Unheard addresses".

// Default bounds of what is sent to addresses from which nothing was heard.
const (
	DefaultUnheardTime    = 10 * time.Second // to each
	DefaultUnheardStreams = 32               // at a time, over all legs of a pool
)

// standing is what is known of the address that media goes to.
type standing uint8

const (
	standingNew   standing = iota // nothing: no media went there yet
	standingTried                 // it is sent to, and counts among the pool's
	standingSpent                 // it was sent to for as long as may be
	standingKnown                 // it was heard, or is vouched for
)

// LimitUnheard sets for how long, at least 0, a leg sends to an address from which nothing
// was heard, and to how many of them all legs send at a time: so many of sound, and as many of
// video. It is called before Listen; without it the defaults hold.
func (p *PortPool) LimitUnheard(each time.Duration, streams int) {
	p.mu.Lock() // as Listen does: legs read it without
	defer p.mu.Unlock()
	p.unheardTime, p.unheardMax = int64(each), int64(streams)
}

// places counts the streams to unheard addresses. Video has places of its own, so that it
// takes none of audio's.
func (l *Leg) places() *atomic.Int64 {
	if l.video != nil {
		return &l.pool.unheardVideo
	}
	return &l.pool.unheard
}

// takeUnheard takes one of the places for streams to unheard addresses, if there is one.
func (l *Leg) takeUnheard() bool {
	taken, most := l.places(), l.pool.unheardMax
	if taken.Load() >= most {
		return false // mostly, and then without a write that other workers would feel
	}
	if taken.Add(1) > most {
		taken.Add(-1)
		return false
	}
	return true
}

// Vouch says that the peer is at host, because signalling went there and was answered: media
// for that host need not be heard from it. Any goroutine may call it at any time; the last
// call counts.
func (l *Leg) Vouch(host netip.Addr) {
	host = host.Unmap()
	l.vouched.Store(&host)
}

func (l *Leg) vouchedFor(host netip.Addr) bool {
	v := l.vouched.Load()
	return v != nil && *v == host
}

// stand changes what is known of the address that media goes to.
func (l *Leg) stand(s standing) {
	if l.latch.standing == standingTried {
		l.places().Add(-1)
	}
	l.latch.standing = s
}

// admits tells whether media may go to the remote address now.
func (l *Leg) admits() bool {
	t := &l.latch
	switch {
	case t.standing == standingKnown:
	case l.vouchedFor(t.remote.Addr()):
		l.stand(standingKnown)
	case t.standing == standingSpent, t.standing == standingNew && !l.takeUnheard():
		return false
	case t.standing == standingNew:
		t.standing = standingTried
	}
	return true
}

// watchUnheard ends the time of an address that is tried. It runs in each poll, and counts
// from the first that follows the first packet.
func (l *Leg) watchUnheard(now int64) {
	t := &l.latch
	switch {
	case t.standing != standingTried:
	case t.tried == 0:
		t.tried = now
	case now-t.tried >= l.pool.unheardTime:
		l.stand(standingSpent)
	}
}

// admitsControl is admits for reports, which may have an address of their own. A leg has one
// such time in its life: reports are few, and not missed.
func (l *Leg) admitsControl(host netip.Addr) bool {
	t, r := &l.latch, &l.report
	switch {
	case host == r.host, l.vouchedFor(host), t.standing == standingKnown && host == t.remote.Addr():
		return true
	case r.tried == 0:
		r.tried = l.lastPoll
	}
	return l.lastPoll-r.tried < l.pool.unheardTime
}
