package listen

import (
	"math/rand/v2"
	"time"

	"github.com/pion/rtp"

	"github.com/confd/confd/codec"
	"github.com/confd/confd/transport/repair"
)

// How lost packets are asked for.
const (
	askAfter  = 5 * time.Millisecond // leaves time for packets out of order
	askSpread = 10 * time.Millisecond
	maxAsks   = 3
	leastTrip = 20 * time.Millisecond // of a request and its answer
	askAgain  = 85 * time.Millisecond // more, from the second request on: senders take what comes sooner for an echo
	maxAhead  = 1024                  // packets held, a power of two
)

// origin is how a packet came.
type origin uint8

const (
	missing origin = iota
	direct
	redundant
	retransmitted
)

// slot is one packet between its arrival, or the news that it is missing, and its time.
type slot struct {
	number int64
	at     int64 // place, samples
	stamp  uint32
	pt     uint8
	from   origin
	data   []byte

	noticed, askAt, asked int64 // when it was missed; when to ask, when it was asked for last
	asks                  int
}

// track is a group's sound between the network and the ear. It is pure: time is given. It
// belongs to one goroutine at a time.
type track struct {
	reception
	buffer time.Duration
	out    Output
	line   timeline
	slots  [maxAhead]slot
	blocks [repair.MaxBlocks]repair.Block

	next    int64 // number to be played next
	at      int64 // place up to which all is played
	length  int64 // of the last packet, samples
	hollow  int64 // samples made up since, while nothing is there to tell why
	skipped int64 // packets given up in one go, not yet accounted for
	trip    time.Duration
}

func newTrack(s *Session, buffer time.Duration, out Output) *track {
	t := &track{reception: newReception(s), buffer: buffer, out: out, trip: leastTrip}
	t.line.rate, t.line.slack = s.Format.ClockRate, int64(buffer)
	t.length = units(int64(s.PacketTime), t.line.rate)
	return t
}

// known tells payload types that can be played.
func (t *track) known(pt uint8) bool {
	return pt == t.s.PayloadType || pt == t.s.Redundant || pt == t.s.Noise
}

// receive takes a packet of the group.
func (t *track) receive(p *rtp.Packet, arrival int64) {
	switch apt, again := t.s.Retransmits[p.PayloadType]; {
	case again:
		t.again(p, apt, arrival)
	case !t.known(p.PayloadType):
		t.count.Unknown++
	default:
		t.fresh(p, arrival)
	}
}

// fresh takes a packet that was sent for the first time.
func (t *track) fresh(p *rtp.Packet, arrival int64) {
	newest := t.source.last
	number, before, v := t.admit(p, arrival)
	if v == stranger {
		return
	}
	if before != nil {
		t.store(before.Packet, number-1, before.at)
	}
	t.store(p, number, arrival)
	t.miss(newest, number, arrival)
}

// store places a packet and what it carries of those before it.
func (t *track) store(p *rtp.Packet, number, arrival int64) {
	at := t.line.place(p.Timestamp, arrival)
	t.source.measure(p.Timestamp, arrival, t.line.rate)
	if !t.begun {
		t.begun, t.next, t.at = true, number, at
	}
	for t.next <= number-maxAhead/2 { // nothing came for long
		t.skip()
	}
	t.unpack(slot{number: number, at: at, stamp: p.Timestamp, pt: p.PayloadType, from: direct, data: p.Payload})
}

// unpack puts a packet's payloads into their slots; generations count back from the packet.
func (t *track) unpack(k slot) {
	if k.pt != t.s.Redundant {
		t.put(k)
		return
	}
	r, ok := repair.ReadRedundant(k.data)
	if !ok {
		t.count.Malformed++
		return
	}
	n := 0
	for b, more := r.Next(); more; b, more = r.Next() {
		t.blocks[n] = b
		n++
	}
	for i, b := range t.blocks[:n] {
		if t.s.plain && i < n-1 {
			continue
		}
		back := int64(n - 1 - i)
		old := slot{k.number - back, k.at - int64(b.Offset), k.stamp - b.Offset, b.PayloadType, k.from, b.Payload, 0, 0, 0, 0}
		if back > 0 {
			old.from = redundant
		}
		if len(b.Payload) > 0 && old.pt != t.s.Redundant && t.known(old.pt) {
			t.put(old)
		}
	}
}

// put keeps a copy of a payload unless it is there, or its time is over.
func (t *track) put(k slot) {
	if k.number < t.next {
		t.late(&k)
		return
	}
	s := t.slot(k.number)
	if s.from != missing {
		if k.from == direct {
			if s.from == direct {
				t.count.Duplicates++
				t.source.duplicate()
			}
			s.from = direct
		}
		return
	}
	s.at, s.stamp, s.pt, s.from = k.at, k.stamp, k.pt, k.from
	s.data = append(s.data[:0], k.data...)
}

// late counts a packet whose time is over.
func (t *track) late(k *slot) {
	if k.from != direct {
		return
	}
	s := &t.slots[k.number&(maxAhead-1)]
	if s.number == k.number && s.from == direct {
		t.count.Duplicates++
		t.source.duplicate()
		return
	}
	t.count.Late++
	if s.number == k.number {
		s.from = direct
	}
}

// slot returns the slot of a number of the window that begins with the next one, empty if
// it was another's.
func (t *track) slot(number int64) *slot {
	s := &t.slots[number&(maxAhead-1)]
	if s.number != number {
		*s = slot{number: number, data: s.data[:0]}
	}
	return s
}

// miss notes which packets a new one shows to be missing.
func (t *track) miss(newest, number, now int64) {
	for n := max(newest+1, t.next, number-maxAhead/2); n < number; n++ {
		if s := t.slot(n); s.from == missing && s.noticed == 0 {
			s.noticed = now
			s.askAt = now + int64(askAfter) + rand.Int64N(int64(askSpread))
		}
	}
}

// again takes a retransmission: its payload is the original sequence number and payload.
func (t *track) again(p *rtp.Packet, pt uint8, now int64) {
	seq, data, ok := repair.ReadRetransmission(p.Payload)
	if !ok || !t.begun || !t.known(pt) {
		t.count.Malformed++
		return
	}
	t.count.Retransmissions++
	number := t.source.number(seq)
	if number < t.next || number > t.source.last {
		t.count.Useless++
		return
	}
	s := t.slot(number)
	if s.from != missing {
		t.count.Useless++
		return
	}
	if s.asks == 1 {
		t.trip += (time.Duration(now-s.asked) - t.trip) / 4
	}
	t.unpack(slot{number: number, at: t.line.of(p.Timestamp), stamp: p.Timestamp, pt: pt, from: retransmitted, data: data})
}

// ask appends the sequence numbers to ask for at now, oldest first.
func (t *track) ask(now int64, dst []uint16) []uint16 {
	for n := t.next; n <= t.source.last; n++ {
		s := t.slot(n)
		if t.askable(s) && s.askAt <= now {
			s.asks, s.asked = s.asks+1, now
			s.askAt = now + int64(max(leastTrip, t.trip)*3/2) + rand.Int64N(int64(askSpread))
			if s.asks > 1 {
				s.askAt += int64(askAgain)
			}
			dst = append(dst, t.source.sequence(n))
		}
	}
	return dst
}

// askable tells whether a request can still help: a packet is missed when the next one comes,
// and is to be played a buffer after its own time.
func (t *track) askable(s *slot) bool {
	return s.from == missing && s.noticed != 0 && s.asks < maxAsks && s.number >= t.source.first &&
		s.askAt+int64(t.trip) < s.noticed+int64(t.buffer)-span(t.length, t.line.rate)
}

// lacks is about pictures.
func (*track) lacks(int64) bool { return false }

// wake returns when ask has something to do, 0 for never.
func (t *track) wake() (when int64) {
	for n := t.next; n <= t.source.last; n++ {
		if s := t.slot(n); t.askable(s) && (when == 0 || s.askAt < when) {
			when = s.askAt
		}
	}
	return when
}

// samples returns how long a slot's sound is; comfort noise has no length of its own.
func (t *track) samples(s *slot) int64 {
	if s.pt != t.s.PayloadType {
		return 0
	}
	return int64(codec.PacketSamples(t.s.Format, s.data))
}
