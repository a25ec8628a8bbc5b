package egress

import (
	"github.com/confd/confd/forwarder/ingress"
	"github.com/confd/confd/forwarder/payload"
	"github.com/confd/confd/transport"
)

// Sender is the transport of an egress stream; a *transport.VideoLeg is one. It is given
// packets of one picture, or retransmissions, at most 64 at a time, valid until it returns,
// and says how many it took. The others are as good as lost on the way: their numbers are
// used, and the receiver can have them sent again.
type Sender interface {
	SendVideo(now int64, out []transport.VideoOut) int
}

// batch is how many packets are handed to a Sender at once: as many as the kernel segments.
const batch = 64

// Workspace is room for what is being sent. The subscriptions of one worker share one, so
// that it stays in the processor's cache.
type Workspace struct {
	out   [batch]transport.VideoOut
	heads [batch][payload.MaxHead]byte
}

// begin gives a picture its numbers; false if the ring has lost it.
func (s *Subscription) begin(p *picture, now int64) bool {
	c := cursor{gone: uint32(p.before)}
	packet, ok := p.next(&c)
	if !ok {
		return false
	}
	s.rewriter.number(p, &packet.Info)
	s.stats.Pictures++
	if p.key {
		s.stats.KeyFrames++
	}
	s.thaw(now)
	return true
}

// sent returns the extended number of the packet that is to be sent next, and the number of
// the picture behind the last that has begun to leave.
func (s *Subscription) sent() (next, end uint64) {
	next, end = s.rewriter.sequence, s.history.head
	if gone := s.pacer.gone.gone; gone > 0 {
		next, end = s.history.at(end).base+uint64(gone), end+1
	}
	return next, end
}

// send sends the next n packets of the picture at the head of the queue; false if the ring
// has lost some of them.
func (s *Subscription) send(p *picture, n uint32, now int64, to Sender) bool {
	filled := 0
	for ; n > 0; n-- {
		packet, ok := p.next(&s.pacer.gone)
		if !ok {
			break
		}
		s.write(&s.work.out[filled], s.work.heads[filled][:0], p, packet, s.pacer.gone.gone)
		if filled++; filled == batch {
			s.deliver(filled, now, to)
			filled = 0
		}
	}
	if filled > 0 {
		s.deliver(filled, now, to)
	}
	return n == 0
}

// write makes a packet as it leaves: the count-th of its picture.
func (s *Subscription) write(out *transport.VideoOut, head []byte, p *picture, packet *ingress.Packet, count uint32) {
	replaced := 0
	if s.rewrites {
		head, replaced = payload.Rewrite(s.rewriter.codec, head, packet.Payload, &p.numbers)
	}
	out.Sequence, out.Timestamp = uint16(p.base+uint64(count)-1), p.timestamp
	out.Marker, out.Repair = count == p.count, false
	out.Head, out.Body = head, packet.Payload[replaced:]
}

// deliver hands the first n packets of the workspace over.
func (s *Subscription) deliver(n int, now int64, to Sender) {
	out := s.work.out[:n]
	bytes := 0
	for i := range out {
		bytes += len(out[i].Head) + len(out[i].Body)
	}
	s.stats.Packets += uint64(n)
	s.stats.Bytes += uint64(bytes)
	s.stats.Refused += uint64(n - min(to.SendVideo(now, out), n))
	if !out[0].Repair {
		s.history.earn(bytes)
	}
}
