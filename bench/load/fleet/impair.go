//go:build linux

package fleet

import (
	"fmt"
	"math"
	"time"
)

// Impairment is what happens to what callers send. What happens to each is by chance, of its
// own, and the same for equal seeds.
type Impairment struct {
	Loss    float64       // share of the packets that are not sent, 0 to 0.9
	Burst   float64       // mean number of packets lost in a row, 1 to 100 (Gilbert and Elliott); 0: each by itself
	Jitter  time.Duration // each packet is delayed evenly by up to this, at most MaxJitter; their order is kept
	Reorder float64       // share of the packets that are sent behind their next, 0 to 0.5
	Drift   float64       // parts per million, at most MaxDrift: clocks are off evenly between this much slow and fast
	DTX     bool          // pauses are left out, but for a packet every 400 ms
}

// Limits of Impairment.
const (
	MaxJitter = 200 * time.Millisecond
	MaxDrift  = 1000
)

func (m Impairment) check() error {
	switch {
	case !(m.Loss >= 0 && m.Loss <= 0.9):
		return fmt.Errorf("fleet: loss of %v, want 0 to 0.9", m.Loss)
	case m.Burst != 0 && !(m.Burst >= 1 && m.Burst <= 100):
		return fmt.Errorf("fleet: %v packets lost in a row, want 1 to 100, or 0", m.Burst)
	case m.Burst != 0 && m.Loss/(1-m.Loss) > m.Burst:
		return fmt.Errorf("fleet: loss of %v in bursts of %v: there must be a packet between two bursts, want a loss of at most %.3f",
			m.Loss, m.Burst, m.Burst/(1+m.Burst))
	case m.Jitter < 0 || m.Jitter > MaxJitter:
		return fmt.Errorf("fleet: jitter of %v, want 0 to %v", m.Jitter, MaxJitter)
	case !(m.Reorder >= 0 && m.Reorder <= 0.5):
		return fmt.Errorf("fleet: %v of the packets reordered, want 0 to 0.5", m.Reorder)
	case !(m.Drift >= 0 && m.Drift <= MaxDrift):
		return fmt.Errorf("fleet: drift of %v ppm, want 0 to %d", m.Drift, MaxDrift)
	}
	return nil
}

// queues tells whether packets pass through a link.
func (m Impairment) queues() bool { return m.Loss > 0 || m.Jitter > 0 || m.Reorder > 0 }

// random is splitmix64: small, and good enough for dice.
type random uint64

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	x := uint64(*r)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// chance returns a number from 0 to less than 1.
func (r *random) chance() float64 { return float64(r.next()>>11) * 0x1p-53 }

// packet is one that is to be sent.
type packet struct {
	at     int64 // when, at the earliest
	stamp  uint32
	number uint16
	kind   kind
	what   uint32 // number of the payload in its track, or the four bytes of an event
}

// kind says what a packet carries.
type kind uint8

const (
	said   kind = iota // of the talker's track
	silent             // of the track of silence
	event
	marked kind = 0x80 // with the marker bit
)

// link is the impaired way of one caller's packets to its socket.
type link struct {
	random random
	losing bool // in a burst
	lose   float64
	stay   float64 // that a burst goes on, or less than 0: each packet by itself
	jitter float64
	swap   float64 // that a packet which may be swapped is
	held   packet  // waits for its next
	holds  bool
	last   int64 // when the packet before leaves
	queue  []packet
	first  int // of the queue
	length int
}

// newLink makes a link for packets that are a period apart.
func newLink(m Impairment, period time.Duration, seed uint64) *link {
	l := &link{random: random(seed), lose: m.Loss, stay: -1, jitter: float64(m.Jitter), swap: m.Reorder / (1 - m.Reorder)}
	if m.Burst > 0 {
		// The share of time in bursts is Loss, and they end after Burst packets in the mean.
		l.stay = 1 - 1/m.Burst
		l.lose = min(1, m.Loss/(1-m.Loss)/m.Burst)
	}
	// One packet comes at a time, and with it perhaps one that was held.
	l.queue = make([]packet, int(math.Ceil(float64(m.Jitter)/float64(period)))+4)
	return l
}

// lost tells whether the next packet is.
func (l *link) lost() bool {
	enter := l.lose
	if l.losing && l.stay >= 0 {
		enter = l.stay
	}
	l.losing = l.random.chance() < enter
	return l.losing
}

// take puts a packet on its way. It reports false if it is lost.
func (l *link) take(p packet) bool {
	if l.lost() {
		return false
	}
	if !l.holds && l.swap > 0 && l.random.chance() < l.swap {
		l.held, l.holds = p, true
		return true
	}
	l.push(p)
	l.release(p.at)
	return true
}

// release lets go of a packet that waits for its next, which came or will not.
func (l *link) release(at int64) {
	if l.holds {
		l.holds = false
		l.held.at = at
		l.push(l.held)
	}
}

func (l *link) push(p packet) {
	p.at = max(p.at+int64(l.random.chance()*l.jitter), l.last)
	l.last = p.at
	l.queue[(l.first+l.length)%len(l.queue)] = p
	l.length++
}

// next returns the packet that leaves next.
func (l *link) next() (p packet, ok bool) {
	if l.length == 0 {
		return p, false
	}
	return l.queue[l.first], true
}

func (l *link) pop() {
	l.first = (l.first + 1) % len(l.queue)
	l.length--
}
