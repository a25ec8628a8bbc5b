package egress

import (
	"github.com/confd/confd/forwarder/ingress"
	"github.com/confd/confd/forwarder/payload"
	"github.com/confd/confd/transport"
)

// Sender is the transport of an egress stream; a *transport.VideoLeg is one. It is given
// packets of one picture, or retransmissions, at most 64 at a time, valid until it returns,
// and says how many from the front it is done with. Fewer than it was given: its socket is
// full. The others are offered again, unless they are retransmissions.
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
	s.rewriter.number(p, packet)
	s.pacer.begun = true
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
	if s.pacer.begun {
		next, end = s.history.at(end).base+uint64(s.pacer.gone.gone), end+1
	}
	return next, end
}

// outcome is what became of packets that were to be sent.
type outcome uint8

const (
	sent        outcome = iota
	full                // the socket has no room for all of them
	overwritten         // the ring has lost some of them
)

// send sends the next n packets of the picture at the head of the queue.
func (s *Subscription) send(p *picture, n uint32, now int64, to Sender) outcome {
	for n > 0 {
		filled := 0
		for ; filled < int(min(n, batch)); filled++ {
			packet, ok := p.next(&s.pacer.gone)
			if !ok {
				return overwritten
			}
			s.write(&s.work.out[filled], s.work.heads[filled][:0], p, packet, s.pacer.gone.gone)
		}
		if done := s.deliver(filled, now, to); done < filled {
			s.pacer.gone = p.at(s.pacer.gone.gone - uint32(filled-done))
			return full
		}
		n -= uint32(filled)
	}
	return sent
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

// deliver hands the first n packets of the workspace over and returns how many were taken.
func (s *Subscription) deliver(n int, now int64, to Sender) int {
	out := s.work.out[:n]
	done := min(max(to.SendVideo(now, out), 0), n)
	bytes := 0
	for i := range out[:done] {
		bytes += len(out[i].Head) + len(out[i].Body)
	}
	s.stats.Packets += uint64(done)
	s.stats.Bytes += uint64(bytes)
	s.stats.Full += uint64(n - done)
	if !out[0].Repair {
		s.history.earn(bytes)
		return done
	}
	s.stats.Repaired += uint64(done)
	s.stats.RepairedBytes += uint64(bytes)
	return done
}
