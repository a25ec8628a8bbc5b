package egress

import (
	"sort"
	"time"

	"github.com/confd/confd/forwarder/ingress"
	"github.com/confd/confd/forwarder/payload"
	"github.com/confd/confd/transport"
	"github.com/confd/confd/transport/repair"
)

const (
	// historySize is how many pictures are remembered, those that wait included: 4 s of 30 a
	// second. How long their packets last is the ingress ring's matter.
	historySize = 128
	resentSize  = 256 // packets whose retransmissions are remembered; by sequence number modulo it

	mostResends = 4 // of one packet
	// A packet is sent again after three quarters of a round trip at the earliest, so that who
	// asks once a round trip by a measure of its own is not refused every other time.
	resendNeeds, resendNeedsOf = 3, 4
	usualRoundTrip             = 100 * millisecond // where it is not known
	leastRoundTrip             = 20 * millisecond
	mostRoundTrip              = 500 * millisecond

	// Retransmissions cost a quarter of what is sent at most, and resendFloor bytes a second,
	// saved up to resendMost: a key frame lost as a whole.
	resendShare = 4
	resendFloor = 8_000
	resendMost  = 64_000

	// mostAsked is how many lost packets are looked up in a second; a flood's rest is counted.
	mostAsked = 2_000
)

// picture is one picture on its way out, and as it is remembered: where its packets are in
// the ring, and how they are written.
type picture struct {
	stream  *ingress.Stream // nil: forgotten
	first   uint64          // extended sequence number of its first packet in the ring
	span    uint32          // places that it takes in the ring
	count   uint32          // packets of it that leave
	bytes   uint32          // of them, with RTP headers
	before  uint8           // parameter sets among count, which leave first
	spatial uint8           // highest spatial layer that leaves
	all     bool            // every place in the ring holds a packet that leaves
	key     bool
	began   int64 // arrival of its first packet
	due     int64 // by when it has to be out

	// Valid once it has begun to leave.
	base      uint64 // extended sequence number of its first packet as it leaves
	timestamp uint32
	numbers   payload.Numbers
}

// cursor is a place in a picture: how many packets that leave and how many places of the
// ring are behind it, and the highest spatial layer of those.
type cursor struct {
	gone, places uint32
	spatial      uint8
}

// next returns the packet at a cursor that leaves and moves it behind that packet; false if
// the ring has it no longer.
func (p *picture) next(c *cursor) (*ingress.Packet, bool) {
	if c.gone < uint32(p.before) {
		return p.parameters(c)
	}
	for c.places < p.span {
		packet, ok := p.stream.Packet(p.first + uint64(c.places))
		if !ok {
			return nil, false
		}
		c.places++
		// Layers come in rising order, and not every packet of AV1 tells its own.
		c.spatial = max(c.spatial, packet.Info.Spatial)
		if len(packet.Payload) > 0 && c.spatial <= p.spatial { // no padding, no layer that is too much
			c.gone++
			return packet, true
		}
	}
	return nil, false
}

// parameters returns the parameter set at a cursor.
func (p *picture) parameters(c *cursor) (*ingress.Packet, bool) {
	all := p.stream.Parameters()
	if int(c.gone) >= len(all) {
		return nil, false
	}
	c.gone++
	return all[c.gone-1], true
}

// at returns a cursor at a packet, by how many leave before it, or at one before it that the
// ring has no longer.
func (p *picture) at(index uint32) (c cursor) {
	if p.all && index >= uint32(p.before) {
		return cursor{gone: index, places: index - uint32(p.before)}
	}
	for c.gone < index {
		if _, ok := p.next(&c); !ok {
			break
		}
	}
	return c
}

// resent remembers the retransmissions of a packet.
type resent struct {
	number uint32 // low bits of its extended sequence number
	at     int32  // milliseconds, of the clock's low bits
	times  uint8
}

// history is the pictures that left or are about to, oldest first: pictures[n%historySize].
type history struct {
	oldest uint64 // number of the oldest picture that is remembered
	head   uint64 // number of the picture that leaves next or has begun to
	tail   uint64 // number of the picture that is queued next

	credit    int64 // bytes that may be sent again
	filled    int64 // when credit was last filled up
	roundTrip int64
	asked     int   // packets looked up since window
	window    int64 // when the present second of asked began

	pictures [historySize]picture
	resent   [resentSize]resent
}

func (h *history) at(n uint64) *picture { return &h.pictures[n%historySize] }

// add makes room for a picture behind all others.
func (h *history) add() *picture {
	h.tail++
	h.oldest = max(h.oldest, max(h.tail, historySize)-historySize)
	return h.at(h.tail - 1)
}

// find returns the picture that a packet belongs to, by extended sequence number, among those
// from the oldest to below end; nil if it is not remembered.
func (h *history) find(number, end uint64) *picture {
	n := sort.Search(int(end-h.oldest), func(i int) bool { return h.at(h.oldest+uint64(i)).base > number })
	if n == 0 {
		return nil
	}
	if p := h.at(h.oldest + uint64(n) - 1); p.stream != nil {
		return p
	}
	return nil
}

func (h *history) forget(stream *ingress.Stream) {
	for i := range h.pictures {
		if h.pictures[i].stream == stream {
			h.pictures[i].stream = nil
		}
	}
}

// setRoundTrip takes 0 for unknown.
func (h *history) setRoundTrip(d int64) {
	if d <= 0 {
		d = usualRoundTrip
	}
	h.roundTrip = min(max(d, leastRoundTrip), mostRoundTrip)
}

// admits notes one lost packet that was asked for; false if there were too many this second.
func (h *history) admits(now int64) bool {
	if now-h.window >= second {
		h.window, h.asked = now, 0
	}
	h.asked++
	return h.asked <= mostAsked
}

// earn allows for retransmissions: a share of what is sent.
func (h *history) earn(bytes int) {
	h.credit = min(h.credit+int64(bytes)/resendShare, resendMost)
}

// spend reports whether there is credit for a retransmission, and takes it.
func (h *history) spend(bytes int, now int64) bool {
	passed := min((now-h.filled)/millisecond, 10_000)
	h.credit = min(h.credit+passed*resendFloor/1000, resendMost)
	h.filled += passed * millisecond
	if now-h.filled >= millisecond {
		h.filled = now
	}
	if h.credit < int64(bytes) {
		return false
	}
	h.credit -= int64(bytes)
	return true
}

// retransmissions returns what is remembered of a packet's.
func (h *history) retransmissions(number uint64) *resent {
	r := &h.resent[number%resentSize]
	if r.number != uint32(number) {
		*r = resent{number: uint32(number)}
	}
	return r
}

// early reports whether a packet was sent again within the round trip.
func (h *history) early(r *resent, now int64) bool {
	passed := int64(int32(now/millisecond)-r.at) * millisecond
	return r.times > 0 && passed >= 0 && passed < h.roundTrip*resendNeeds/resendNeedsOf
}

// NACK answers a request for lost packets, from the ring, ahead of what waits: each at most
// about once in a round trip and mostResends times, all together within the budget.
func (s *Subscription) NACK(lost repair.Lost, now int64, to Sender) {
	n := 0
	for sequence, ok := lost.Next(); ok; sequence, ok = lost.Next() {
		s.stats.Asked++
		if !s.history.admits(now) {
			s.stats.Unanswered.Flood++
			continue
		}
		if s.resend(sequence, now, &s.work.out[n], s.work.heads[n][:0]) {
			n++
		}
		if n == batch {
			s.deliver(n, now, to)
			n = 0
		}
	}
	if n > 0 {
		s.deliver(n, now, to)
	}
}

// resend writes a packet that left before; false if it must not or cannot leave again.
func (s *Subscription) resend(sequence uint16, now int64, out *transport.VideoOut, head []byte) bool {
	u := &s.stats.Unanswered
	number, p := s.remembered(sequence)
	if p == nil {
		u.Unknown++
		return false
	}
	r := s.history.retransmissions(number)
	switch {
	case r.times >= mostResends:
		u.Often++
		return false
	case s.history.early(r, now):
		u.Early++
		return false
	}
	c := p.at(uint32(number - p.base))
	packet, ok := p.next(&c)
	if !ok {
		u.Overwritten++
		return false
	}
	size := len(packet.Payload) + headerSize
	if !s.history.spend(size, now) {
		u.Budget++
		return false
	}
	s.write(out, head, p, packet, c.gone)
	out.Repair = true
	r.times, r.at = r.times+1, int32(now/millisecond)
	s.budget.take(size, false, now)
	return true
}

// remembered returns the extended number of a packet that has left and the picture that it
// was of, nil if that is not known.
func (s *Subscription) remembered(sequence uint16) (number uint64, p *picture) {
	next, end := s.sent()
	back := uint64(uint16(next) - sequence)
	if back == 0 {
		return 0, nil
	}
	return next - back, s.history.find(next-back, end)
}

// SetRoundTrip tells the round trip to the receiver, 0 if it is not known. Values count as
// leastRoundTrip to mostRoundTrip.
func (s *Subscription) SetRoundTrip(d time.Duration) { s.history.setRoundTrip(int64(d)) }
