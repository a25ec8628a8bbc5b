package listen

import (
	"math"
	"time"

	"github.com/pion/rtp"
)

// course is the way of a group's packets from the network to whoever takes them. It belongs to
// one goroutine at a time, which tells it the time.
type course interface {
	receive(p *rtp.Packet, arrival int64)
	play(now int64)                       // hands over what is due
	ask(now int64, dst []uint16) []uint16 // appends the numbers to ask for, oldest first
	wake() int64                          // when ask has something to do, 0 for never
	lacks(now int64) bool                 // only a key frame helps
	heard() *reception
	stats() Stats
}

// reception is what all courses know of the group's stream.
type reception struct {
	s      *Session
	source source
	begun  bool
	count  Stats
	held   *early
}

// early is the first of what may be a new SSRC.
type early struct {
	*rtp.Packet
	at int64
}

func newReception(s *Session) reception {
	return reception{s: s, source: source{bad: noSequence, rivalNext: noSequence}}
}

func (r *reception) heard() *reception { return r }

// admit gives a packet its number. before is the one whose turn is just ahead of it, if that
// could not be believed until now.
func (r *reception) admit(p *rtp.Packet, arrival int64) (number int64, before *early, v verdict) {
	number, v = r.source.admit(p.SSRC, p.SequenceNumber)
	before, r.held = r.held, nil
	if v == successor && before != nil && before.SSRC == p.SSRC && before.SequenceNumber == p.SequenceNumber-1 {
		r.source.first, r.source.base = number, uint32(before.SequenceNumber)
		r.source.last, r.source.got = number+1, 2
		return number + 1, before, v
	}
	if before != nil {
		r.count.Foreign++
	}
	if v == stranger {
		r.held = &early{p.Clone(), arrival}
	}
	return number, nil, v
}

// totals completes what all courses count, of a stream whose clock has a rate.
func (r *reception) totals(rate int) Stats {
	s, all := r.count, r.source.total()
	s.Received = all.got
	s.LostBefore = all.expected - min(all.expected, all.got)
	s.Sources, s.SSRC = r.source.changes, r.source.ssrc
	s.Jitter = time.Duration(r.source.jitter / float64(rate) * float64(time.Second))
	s.JitterMS = math.Round(r.source.jitter/float64(rate)*1e6) / 1e3
	return s
}
