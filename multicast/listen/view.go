package listen

import (
	"math/rand/v2"

	"github.com/pion/rtp"

	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
	"github.com/confd/confd/transport/repair"
)

// Viewer takes the packets of a group's video, and says which it misses. It is called by one
// goroutine at a time, which it must not keep waiting, and from which it must not call the
// listener.
type Viewer interface {
	// Begin tells that what follows is of another SSRC, or elsewhere in its numbers.
	Begin()
	// Packet takes one of the group, or one that was sent again. They come as they arrive, out
	// of order or twice. p is valid until it returns.
	Packet(p *transport.VideoPacket)
	// Turn comes at least each 50 ms, and after packets.
	Turn(now int64)
	// Due returns when Missing has something to say, 0 for never.
	Due() int64
	// Missing appends the sequence numbers to be asked for now, oldest first.
	Missing(now int64, dst []uint16) []uint16
	// NeedsKey tells whether only a key frame helps.
	NeedsKey(now int64) bool
	// Repaired returns how many packets came because they were asked for, and how many were
	// given up.
	Repaired() (again, lost uint64)
}

// view is the course of pictures. What belongs to which, and what to do without, is the viewer's.
type view struct {
	reception
	to     Viewer
	came   [maxAhead]int64 // numbers of the packets that were not sent again
	spread int64           // by which the next request is late: others ask for the same
	packet transport.VideoPacket
}

func newView(s *Session, to Viewer) *view { return &view{reception: newReception(s), to: to} }

func (v *view) receive(p *rtp.Packet, arrival int64) {
	switch apt, again := v.s.Retransmits[p.PayloadType]; {
	case again:
		v.again(p, apt, arrival)
	case p.PayloadType != v.s.PayloadType:
		v.count.Unknown++
	default:
		v.fresh(p, arrival)
	}
}

func (v *view) fresh(p *rtp.Packet, arrival int64) {
	number, before, verdict := v.admit(p, arrival)
	if verdict == stranger {
		return
	}
	if verdict == successor {
		v.begun = true
		v.to.Begin()
	}
	if before != nil {
		v.take(before.Packet, number-1, before.at)
	}
	v.take(p, number, arrival)
}

func (v *view) take(p *rtp.Packet, number, arrival int64) {
	v.source.measure(p.Timestamp, arrival, media.VideoRate)
	if came := &v.came[number&(maxAhead-1)]; *came == number {
		v.count.Duplicates++
		v.source.duplicate()
		return
	} else if number > *came {
		*came = number
	}
	v.hand(p, p.SequenceNumber, p.Payload, arrival, false)
}

// again takes a retransmission (RFC 4588 section 4).
func (v *view) again(p *rtp.Packet, pt uint8, arrival int64) {
	seq, data, ok := repair.ReadRetransmission(p.Payload)
	if !ok || !v.begun || pt != v.s.PayloadType {
		v.count.Malformed++
		return
	}
	v.count.Retransmissions++
	if number := v.source.number(seq); number < v.source.first || number > v.source.last || v.came[number&(maxAhead-1)] >= number {
		v.count.Useless++
		return
	}
	v.hand(p, seq, data, arrival, true)
}

func (v *view) hand(p *rtp.Packet, seq uint16, data []byte, arrival int64, repaired bool) {
	v.packet = transport.VideoPacket{Arrival: arrival, SSRC: v.source.ssrc, Timestamp: p.Timestamp, Sequence: seq,
		PayloadType: v.s.PayloadType, Marker: p.Marker, Repaired: repaired, Payload: data}
	v.to.Packet(&v.packet)
}

func (v *view) play(now int64) { v.to.Turn(now) }

func (v *view) wake() int64 {
	if due := v.to.Due(); due != 0 {
		return due + v.spread
	}
	return 0
}

func (v *view) ask(now int64, dst []uint16) []uint16 {
	v.spread = rand.Int64N(int64(askSpread))
	return v.to.Missing(now, dst)
}

func (v *view) lacks(now int64) bool { return v.begun && v.to.NeedsKey(now) }

func (v *view) stats() Stats {
	s := v.totals(media.VideoRate)
	s.ByRetransmission, s.Lost = v.to.Repaired()
	return s
}
