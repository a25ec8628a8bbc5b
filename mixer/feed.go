package mixer

import "github.com/confd/confd/media"

// chunkKind is what stands at the end of the fed sound.
type chunkKind uint8

const (
	chunkNothing chunkKind = iota // no packet behind it: late or lost, nobody knows yet
	chunkPacket
	chunkLost  // a later packet is there
	chunkPause // the sender was silent until the next packet
)

// chunk is the next piece of sound to feed.
type chunk struct {
	kind chunkKind
	slot *slot // the packet; for chunkLost the one right behind, if it may carry redundancy
	n    int   // samples
}

// next tells what is to be fed at endTS, skipping what carries no sound.
func (p *playout) next() chunk {
	for p.nextSeq <= p.buf.newest {
		s := p.buf.at(p.nextSeq)
		switch {
		case s == nil:
			if c, ok := p.missing(); ok {
				return c
			}
		case s.kind != slotAudio:
			p.pausing = true
			p.nextSeq++
		default:
			if c, ok := p.present(s); ok {
				return c
			}
		}
	}
	return chunk{}
}

// present judges the packet that is due.
func (p *playout) present(s *slot) (chunk, bool) {
	p.settle(s.ts, s.format)
	gap := s.ts - p.endTS
	switch {
	case gap <= -int64(s.samples):
		p.nextSeq++ // wholly before what was played
		return chunk{}, false
	case gap > int64(s.format.SampleRate)*2:
		p.endTS = s.ts // too long a pause to play out
	case gap > int64(s.samples)/2:
		return chunk{kind: chunkPause, n: int(gap)}, true
	}
	return chunk{kind: chunkPacket, slot: s, n: s.samples}, true
}

// missing judges a gap in the sequence.
func (p *playout) missing() (chunk, bool) {
	m := p.buf.after(max(p.nextSeq, p.buf.newest-slotCount))
	if m == nil {
		p.nextSeq = p.buf.newest + 1
		return chunk{}, false
	}
	if m.kind != slotAudio {
		p.nextSeq = m.seq
		return chunk{}, false
	}
	p.settle(m.ts, m.format)
	gap := m.ts - p.endTS
	last := int64(max(p.last, 1))
	if gap < last/2 || gap > int64(m.format.SampleRate)*2 {
		p.skip(m.seq) // what was concealed before stood for these
		return chunk{}, false
	}
	lost := min(m.seq-p.nextSeq, max((gap+last/2)/last, 1))
	p.skip(m.seq - lost)
	c := chunk{kind: chunkLost, n: int(min(gap/lost, 2*last))}
	if lost == 1 {
		c.slot = m
	}
	return c, true
}

// skip passes packets that never came and whose time is over.
func (p *playout) skip(to int64) {
	n := max(to-p.nextSeq, 0)
	p.missed += uint64(n)
	p.nextSeq += n
	for range min(n, slotCount) { // a peer may leap by thousands with each packet
		p.redundancy.lost()
	}
}

// settle lets concealed sound stand for what is missing before ts; what is left of the
// debt has become delay. All of it has where redundancy is worth waiting for: then what was
// lost is still to come, from the packet that is there now.
func (p *playout) settle(ts int64, f *media.Format) {
	if p.debt == 0 {
		return
	}
	if p.redundancy.worth(f) {
		p.debt = 0
		return
	}
	if gap := ts - p.endTS; gap > 0 {
		p.endTS += min(gap, p.debt)
	}
	p.debt = 0
}

// feed adds sound until target (Q32 samples) is ahead and reports whether it could. With a
// voice the sound is decoded into it; without, only the position moves.
func (p *playout) feed(target int64, v *voice, stats *inputCounters) bool {
	for p.ahead < target {
		c := p.next()
		if p.missed > 0 {
			stats.lost.Add(p.missed)
			p.missed = 0
		}
		switch c.kind {
		case chunkNothing:
			return false
		case chunkPacket:
			p.take(c, v, stats)
		case chunkLost:
			p.cover(c, v, stats)
		case chunkPause:
			n := min(c.n, int((target-p.ahead)>>32)+1)
			v.silence(n)
			p.fed(n)
			p.endTS += int64(n)
		}
	}
	return true
}

// fed counts n samples as ahead.
func (p *playout) fed(n int) { p.ahead += int64(n) << 32 }

// take feeds a packet.
func (p *playout) take(c chunk, v *voice, stats *inputCounters) {
	s := c.slot
	n := s.samples
	if !v.decode(s) {
		stats.malformed.Add(1)
	}
	p.fed(n)
	p.endTS, p.nextSeq = s.ts+int64(n), s.seq+1
	p.format, p.last, p.run, p.pausing = s.format, n, 0, s.silent
	p.redundancy.arrived()
}

// cover feeds what stands in for a lost packet.
func (p *playout) cover(c chunk, v *voice, stats *inputCounters) {
	recovered := v.recover(c.n, c.slot)
	if recovered {
		stats.recovered.Add(1)
	}
	p.redundancy.tried(v != nil && c.slot != nil, recovered)
	p.redundancy.lost()
	stats.lost.Add(1)
	p.fed(c.n)
	p.endTS += int64(c.n)
	p.nextSeq++
	p.run += c.n
}

// bridge conceals n samples without moving on in the stream.
func (p *playout) bridge(n int, v *voice, stats *inputCounters) {
	v.conceal(n)
	stats.concealed.Add(uint64(n))
	p.fed(n)
	p.debt += int64(n)
	p.run += n
}
