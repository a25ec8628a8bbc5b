package control

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/confd/confd/transport/repair"
)

const (
	// hold is how long a request waits for others that want the same packet.
	hold = int64(10 * time.Millisecond)
	// manyAsk is how many listeners make a packet go to the group, once.
	manyAsk = 3
	// patience is how soon a listener may ask for a packet again: the answer takes a round
	// trip.
	patience = int64(8 * time.Millisecond)

	maxProven   = 4096             // listeners with a budget of their own at a time
	forget      = 10 * time.Second // of silence until a budget is given to another
	allTogether = 100              // listeners' budgets are what all together have
	fromOneHost = 20               // are what those at one address have: a token holds for each of its ports
	hostProven  = maxProven / 16   // listeners with a budget at one address
	renewAfter  = 1 << 15          // retransmissions under one SSRC
)

// repairer answers requests for lost packets.
type repairer struct {
	history history
	out     outlet
	count   *counters

	payloadType uint8
	ssrc        uint32
	sequence    uint16

	rate           float64 // bits per second for one listener; 0 = nothing is repaired
	toGroup, toAll bucket
	listeners      map[netip.AddrPort]*bucket
	hosts          map[netip.Addr]*hostShare
	pending        []*sent // that have a due time, soonest first
	scratch        []byte
}

// hostShare is what the listeners at one address have together.
type hostShare struct {
	bucket
	listeners int
}

func newRepairer(c *Config, out outlet, count *counters) *repairer {
	depth := depth(c.Repair)
	return &repairer{
		history: newHistory(c), out: out, count: count, payloadType: c.RepairType,
		ssrc: rand.Uint32(), rate: c.Repair, toGroup: newBucket(c.Repair, depth),
		toAll: newBucket(allTogether*c.Repair, allTogether*depth), listeners: make(map[netip.AddrPort]*bucket),
		hosts: make(map[netip.Addr]*hostShare),
	}
}

// depth is a second's worth, and as many packets as one burst may lose.
func depth(rate float64) float64 { return max(rate, 8*8*1400) }

// want takes a request of a listener whose address is proven.
func (r *repairer) want(ssrc uint32, lost repair.Lost, from netip.AddrPort, now int64) {
	if r.rate <= 0 {
		return
	}
	for sequence, ok := lost.Next(); ok; sequence, ok = lost.Next() {
		if s := r.history.find(ssrc, sequence); s != nil {
			r.ask(s, from, now)
		} else {
			r.count.unknown.Add(1)
		}
	}
}

func (r *repairer) ask(s *sent, from netip.AddrPort, now int64) {
	if now < s.again {
		r.count.repeated.Add(1)
		return
	}
	a := s.askOf(from)
	switch {
	case a == nil:
		r.count.refused.Add(1)
		return
	case a.pending || now < a.again:
		r.count.repeated.Add(1)
		return
	}
	a.pending = true
	if s.due == 0 {
		s.due = now + hold
		r.pending = append(r.pending, s)
	}
}

// askOf returns the place of a listener, nil if there is none.
func (s *sent) askOf(from netip.AddrPort) *ask {
	for i := range s.asking {
		if s.asking[i].from == from {
			return &s.asking[i]
		}
	}
	if len(s.asking) == maxAsking {
		return nil
	}
	s.asking = append(s.asking, ask{from: from})
	return &s.asking[len(s.asking)-1]
}

// next returns when answers are due, 0 if none are.
func (r *repairer) next() int64 {
	for len(r.pending) > 0 && r.pending[0].due == 0 { // another packet took its place
		r.pending = append(r.pending[:0], r.pending[1:]...)
	}
	if len(r.pending) == 0 {
		return 0
	}
	return r.pending[0].due
}

// answer sends what is due.
func (r *repairer) answer(now int64) {
	for len(r.pending) > 0 && r.pending[0].due <= now {
		s := r.pending[0]
		r.pending = append(r.pending[:0], r.pending[1:]...)
		if s.due != 0 {
			r.send(s, now)
		}
	}
}

// send answers everyone who asked for a packet.
func (r *repairer) send(s *sent, now int64) {
	s.due = 0
	asking := 0
	for i := range s.asking {
		if s.asking[i].pending {
			asking++
		}
	}
	bits := float64(8 * (len(s.packet) + repair.RetransmissionSize))
	toGroup := asking >= manyAsk && r.toGroup.take(bits, now)
	if toGroup {
		r.retransmit(s, netip.AddrPort{})
		s.again = now + patience
	}
	for i := range s.asking {
		a := &s.asking[i]
		if !a.pending {
			continue
		}
		a.pending, a.again = false, now+patience
		if toGroup {
			continue
		}
		if !r.allows(a.from, bits, now) {
			r.count.refused.Add(1)
			continue
		}
		r.retransmit(s, a.from)
	}
}

// allows takes from the budgets of a listener, of those at its address, and of all.
func (r *repairer) allows(to netip.AddrPort, bits float64, now int64) bool {
	b := r.listeners[to]
	if b == nil {
		if b = r.admit(to, now); b == nil {
			return false
		}
	}
	return b.take(bits, now) && r.hosts[to.Addr()].take(bits, now) && r.toAll.take(bits, now)
}

// admit gives a listener a budget, nil if there is no room for it.
func (r *repairer) admit(to netip.AddrPort, now int64) *bucket {
	if len(r.listeners) >= maxProven {
		return nil
	}
	h := r.hosts[to.Addr()]
	if h == nil {
		h = &hostShare{bucket: newBucket(fromOneHost*r.rate, fromOneHost*depth(r.rate))}
		h.at = now
		r.hosts[to.Addr()] = h
	}
	if h.listeners >= hostProven {
		return nil
	}
	h.listeners++
	b := newBucket(r.rate, depth(r.rate))
	b.at = now
	r.listeners[to] = &b
	return &b
}

// expire gives up the budgets of listeners that have not asked of late.
func (r *repairer) expire(now int64) {
	for to, b := range r.listeners {
		if now-b.at > int64(forget) {
			delete(r.listeners, to)
			if h := r.hosts[to.Addr()]; h.listeners > 1 {
				h.listeners--
			} else {
				delete(r.hosts, to.Addr())
			}
		}
	}
}

// retransmit sends to a listener, or to the group if that is invalid. The SSRC is given up
// long before its sequence wraps: a listener sees few of the packets, and without SRTP's
// rollover counter could not tell how often it has.
func (r *repairer) retransmit(s *sent, to netip.AddrPort) {
	if r.sequence++; r.sequence >= renewAfter {
		r.ssrc, r.sequence = rand.Uint32(), 1
	}
	r.scratch = s.appendRetransmission(r.scratch[:0], r.payloadType, r.ssrc, r.sequence)
	n := r.out.media(r.scratch, to)
	switch {
	case n == 0:
		r.count.failed.Add(1)
		return
	case to.IsValid():
		r.count.unicast.Add(1)
	default:
		r.count.multicast.Add(1)
	}
	r.count.repairBytes.Add(uint64(n))
}
