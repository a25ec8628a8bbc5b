package focus

import (
	"reflect"
	"sync"
	"time"

	"github.com/confd/confd/rooms"
	"github.com/confd/confd/transport"
)

// MediaStats are totals over all legs of sound since the start, those of ended calls included.
// Directions are the server's.
type MediaStats struct {
	PacketsReceived, PacketsSent uint64
	OctetsReceived, OctetsSent   uint64 // of payload
	Lost                         uint64 // on the way to us, RFC 3550 section 6.4.1
	PeerLost                     uint64 // on the way to the peers, as they tell
	SourceChanges                uint64 // peers' SSRCs that changed
	Collisions                   uint64 // our SSRCs that changed for they were a peer's
	Relatches                    uint64 // peers' addresses that changed
	Dropped                      transport.Dropped
	SendErrors                   transport.SendErrors
	RTCP                         transport.RTCPStats
}

func (m *MediaStats) add(s transport.Stats) {
	m.PacketsReceived += s.PacketsReceived
	m.PacketsSent += s.PacketsSent
	m.OctetsReceived += s.OctetsReceived
	m.OctetsSent += s.OctetsSent
	m.Lost += uint64(max(s.Lost, 0)) // negative if duplicates prevail
	m.PeerLost += uint64(max(s.PeerLost, 0))
	m.SourceChanges += s.SourceChanges
	m.Collisions += s.Collisions
	m.Relatches += s.Relatches
	addAll(&m.Dropped, s.Dropped)
	addAll(&m.SendErrors, s.SendErrors)
	addAll(&m.RTCP, s.RTCP)
}

// addAll adds each field of counters to its like, so that none can be forgotten.
func addAll[T any](to *T, more T) {
	sum, add := reflect.ValueOf(to).Elem(), reflect.ValueOf(more)
	for i := range sum.NumField() {
		sum.Field(i).SetUint(sum.Field(i).Uint() + add.Field(i).Uint())
	}
}

// quality is the transport's figures of a call. Any goroutine may call it.
func (c *call) quality() rooms.LegQuality {
	s := c.leg.Stats()
	span := func(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }
	return rooms.LegQuality{
		Received: s.PacketsReceived, Lost: s.Lost, Jitter: span(s.Jitter), RoundTrip: span(s.RoundTrip),
		PeerLoss: s.PeerFraction, PeerJitter: span(s.PeerJitter),
	}
}

// VideoStats are the same of video lines, with what only they have.
type VideoStats struct {
	MediaStats
	RepairsReceived, RepairsSent uint64 // packets that were sent again
	Probes                       uint64 // retransmissions of nothing, received
	Runs, Uncut                  uint64 // packets sent at once, and those of them that the system refused to cut
	Held, Stale                  uint64 // packets not sent: the peer wants none, SRTP forbids their number
	FeedbackReceived             transport.FeedbackReceived
	FeedbackSent                 transport.FeedbackSent
}

func (v *VideoStats) add(s transport.VideoStats) {
	v.MediaStats.add(s.Stats)
	v.RepairsReceived += s.RepairsReceived
	v.RepairsSent += s.RepairsSent
	v.Probes += s.Probes
	v.Runs += s.Runs
	v.Uncut += s.Uncut
	v.Held += s.Held
	v.Stale += s.Stale
	addAll(&v.FeedbackReceived, s.FeedbackReceived)
	addAll(&v.FeedbackSent, s.FeedbackSent)
}

// ledger knows the legs of a kind that are open, and the totals of those that were.
type ledger[L comparable, T any] struct {
	count func(*T, L) // adds what a leg has to totals

	mu    sync.Mutex
	open  map[L]struct{}
	ended T
}

func newLedger[L comparable, T any](count func(*T, L)) *ledger[L, T] {
	return &ledger[L, T]{count: count, open: map[L]struct{}{}}
}

func (l *ledger[L, T]) add(leg L) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[leg] = struct{}{}
}

// remove is called after the leg has been closed, when its figures are final.
func (l *ledger[L, T]) remove(leg L) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.open[leg]; ok {
		delete(l.open, leg)
		l.count(&l.ended, leg)
	}
}

func (l *ledger[L, T]) total() T {
	l.mu.Lock()
	defer l.mu.Unlock()
	total := l.ended
	for leg := range l.open {
		l.count(&total, leg)
	}
	return total
}

// Media returns the totals over all legs of sound. Any goroutine may call it at any time; it
// looks at every open leg.
func (a *Agent) Media() MediaStats { return a.legs.total() }

// Video does the same for video.
func (a *Agent) Video() VideoStats { return a.videoLegs.total() }
