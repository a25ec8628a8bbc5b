package focus

import (
	"reflect"
	"sync"
	"time"

	"github.com/confd/confd/rooms"
	"github.com/confd/confd/transport"
)

// MediaStats are totals over all legs since the start, those of ended calls included.
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

// legs knows the legs that are open, and the totals of those that were.
type legs struct {
	mu    sync.Mutex
	open  map[*transport.Leg]struct{}
	ended MediaStats
}

func (l *legs) add(leg *transport.Leg) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		l.open = map[*transport.Leg]struct{}{}
	}
	l.open[leg] = struct{}{}
}

// remove is called after the leg has been closed, when its figures are final.
func (l *legs) remove(leg *transport.Leg) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.open[leg]; ok {
		delete(l.open, leg)
		l.ended.add(leg.Stats())
	}
}

// Media returns the totals over all legs. Any goroutine may call it at any time; it looks
// at every open leg.
func (a *Agent) Media() MediaStats {
	a.legs.mu.Lock()
	defer a.legs.mu.Unlock()
	total := a.legs.ended
	for leg := range a.legs.open {
		total.add(leg.Stats())
	}
	return total
}
