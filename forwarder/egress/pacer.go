package egress

import (
	"github.com/confd/confd/forwarder/ingress"
)

const (
	// A picture that is not big leaves at once. Bigger ones are spread: a part each paceEvery,
	// at 2.5 times the estimate and no less than paceFloor, so that a key frame of 100 kB
	// does not hit a small receive buffer, or a switch's queue, within a millisecond. Nothing
	// waits for more than paceMost: parts get bigger as that comes near. With paceFloor and
	// paceEvery a part is at least 5 kB, five packets.
	paceEvery              = 5 * millisecond
	paceFloor              = 1_000_000 // bytes per second
	paceNeeds, paceNeedsOf = 5, 2
	paceMost               = 40 * millisecond

	// What may leave at once: so much time of the pace, and no less than smallPicture bytes.
	paceBurst    = 10 * millisecond
	smallPicture = 15_000

	// mostLate is how late a picture may begin to leave where the socket is full, or the worker
	// late. Then it, and what waits behind it, is dropped.
	mostLate = 500 * millisecond

	// mostWaiting pictures, and mostWaitingPackets beyond the one that is leaving, wait at most.
	mostWaiting        = 32
	mostWaitingPackets = 512
)

// pacer spreads big pictures. The queue is history's, from head to tail.
type pacer struct {
	rate    int64  // bytes per second
	begun   bool   // the picture at the head has its numbers
	gone    cursor // what of it has left
	ready   int64  // when the next part may leave
	packets int    // that wait
}

func (p *pacer) set(estimate uint64) {
	p.rate = max(int64(min(estimate, mostRate)/8)*paceNeeds/paceNeedsOf, paceFloor)
}

// waiting returns how many pictures have not left as a whole.
func (s *Subscription) waiting() int { return int(s.history.tail - s.history.head) }

// Flush sends what is due of what waits and returns when it wants to be called next, 0 if
// nothing waits. To be called then, and not before nor much later: a late call
// sends more at once.
func (s *Subscription) Flush(now int64, to Sender) (next int64) {
	for s.history.head < s.history.tail {
		if now < s.pacer.ready {
			return s.pacer.ready
		}
		s.part(now, to)
	}
	return 0
}

// part sends the next part of the picture at the head of the queue.
func (s *Subscription) part(now int64, to Sender) {
	p := s.history.at(s.history.head)
	if !s.pacer.begun {
		if now-p.due > mostLate {
			s.abandon(brokenQueue)
			return
		}
		if !s.begin(p, now) {
			s.abandon(brokenHere)
			return
		}
	}
	n := s.pacer.share(p, now)
	switch s.send(p, n, now, to) {
	case overwritten:
		s.abandon(brokenHere)
	case sent:
		if s.pacer.gone.gone == p.count {
			s.leave()
			return
		}
		fallthrough
	case full:
		s.pacer.ready = now + paceEvery
	}
}

// share returns how many of the packets that are left of a picture may leave now.
func (c *pacer) share(p *picture, now int64) uint32 {
	left := p.count - c.gone.gone
	bytes := int64(p.bytes) / int64(p.count) * int64(left)
	if bytes <= max(smallPicture, c.rate*(paceBurst/millisecond)/1000) {
		return left
	}
	parts := max((p.due-now)/paceEvery, 0) + 1
	part := max(c.rate*(paceEvery/millisecond)/1000, bytes/parts)
	return min(uint32((part*int64(left)+bytes-1)/bytes), left)
}

// leave takes the picture at the head out of the queue.
func (s *Subscription) leave() {
	s.pacer.packets -= int(s.history.at(s.history.head).count)
	s.pacer.begun, s.pacer.gone = false, cursor{}
	s.history.head++
}

// abandon gives up the queue: nothing behind a picture that does not leave can be decoded.
func (s *Subscription) abandon(why broken) {
	s.count(why, s.waiting())
	if s.pacer.begun {
		s.leave()
	}
	s.history.tail = s.history.head
	s.pacer.packets = 0
	s.breakOff(why)
}

// roomFor reports whether a picture of so many packets may wait.
func (s *Subscription) roomFor(count int) bool {
	return s.waiting() == 0 || s.waiting() < mostWaiting && s.pacer.packets+count <= mostWaitingPackets
}

// finish sends what has begun to leave of a stream, and takes out of the queue what waits of it.
func (s *Subscription) finish(stream *ingress.Stream, now int64, to Sender) {
	h := &s.history
	if p := h.at(h.head); h.head < h.tail && p.stream == stream && s.pacer.begun {
		s.send(p, p.count-s.pacer.gone.gone, now, to) // what is not taken now is lost
		s.leave()
	}
	kept := h.head
	for n := h.head; n < h.tail; n++ {
		if p := h.at(n); p.stream != stream {
			*h.at(kept) = *p
			kept++
		} else {
			s.pacer.packets -= int(p.count)
			s.stats.Dropped.Forgotten++
		}
	}
	h.tail = kept
}
