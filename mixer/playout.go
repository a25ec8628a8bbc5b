package mixer

import (
	"github.com/confd/confd/codec/resample"
	"github.com/confd/confd/media"
)

// The playout of one stream is a position in it. Every tick consumes one period of samples
// from "ahead", the sound that was fed and not yet consumed; feeding takes the next packet,
// or what stands in for it. Whether a decoder listens does not matter here: an input that
// nobody hears moves its position by the same rules, for the price of an addition.
//
//	         consumed          ahead            waiting packets
//	... ------------------|===============|  [seq]  [seq+1]  ...
//	                   position         endTS
//
// Four things can stand at the end of what was fed (see next):
//   - the packet that is due: feed it;
//   - a gap before a later packet: that sound is lost; conceal it, moving on;
//   - a jump of the timestamp without a gap in the sequence: the sender was silent;
//   - nothing: the packet is late or lost, nobody knows. Conceal without moving on, as a
//     debt. When a packet comes, the debt covers what is missing before it; what is left of
//     the debt has become delay.
type playout struct {
	format  *media.Format // of the packets fed last
	started bool          // the stream has an SSRC
	playing bool          // position is valid; else idle: silence until the next packet
	pausing bool          // the sender announced silence (DTX, comfort noise, an event)

	ssrc    uint32
	seq     int64 // extended, newest
	ts      int64 // extended, clock units, newest
	ts0     int64 // of the first packet, origin of transit
	strange int   // consecutive packets far outside the sequence

	nextSeq int64
	endTS   int64  // samples
	ahead   int64  // Q32 samples fed and not consumed; negative right after a start
	debt    int64  // samples concealed without moving on
	run     int    // samples concealed in a row
	last    int    // samples of the packet fed last
	missed  uint64 // packets passed without a trace, not yet counted

	redundancy redundancy
	caution    caution

	ppm   int32 // speed in force, parts per million
	exact bool  // no filter: input and room rate are one, speed is 1, position integral

	kern      *resample.Kernel
	kernRates [2]int

	buf buffer
	arr arrival
}

type verdict uint8

const (
	packetOK verdict = iota
	packetRestart
	packetDuplicate
	packetLate
)

// maxStrange packets in a row outside the window are a sender that restarted its
// sequence (RFC 3550 appendix A.1).
const maxStrange = 3

// accept judges a packet by sequence number and source. A restart has reset the playout.
func (p *playout) accept(pkt *media.Packet, f *media.Format) verdict {
	if !p.started {
		p.begin(pkt, f)
		return packetOK
	}
	if pkt.SSRC != p.ssrc || p.rateChanged(f) {
		p.restart()
		p.begin(pkt, f)
		return packetRestart
	}
	delta := int64(int16(pkt.Sequence - uint16(p.seq)))
	seq := p.seq + delta
	if delta > maxJump || delta <= -slotCount/2 {
		if p.strange++; p.strange < maxStrange {
			return packetLate
		}
		p.restart()
		p.begin(pkt, f)
		return packetRestart
	}
	p.strange = 0
	if delta > 0 && p.leapt(pkt, f) {
		p.restart()
		p.begin(pkt, f)
		return packetRestart
	}
	if p.buf.has(seq) {
		return packetDuplicate
	}
	if p.playing && seq < p.nextSeq {
		p.observe(pkt, f)
		return packetLate
	}
	return packetOK
}

// maxJump is how far the sequence may leap and still be the same stream.
const maxJump = 3000

// maxLeap is how far timestamps may stray from the pace of arrivals, ns, within a stream.
const maxLeap = int64(500e6)

// leapt tells whether the timestamps of a stream that goes on by its sequence do not: the
// far end changed what it sends and kept the name, or stopped its clock while it was muted.
func (p *playout) leapt(pkt *media.Packet, f *media.Format) bool {
	if !p.arr.started {
		return false
	}
	off := pkt.Arrival - scale(p.extend(pkt)-p.ts0, 1e9, int64(f.ClockRate)) - p.arr.base()
	return off > maxLeap || off < -maxLeap
}

// extend returns a packet's extended timestamp.
func (p *playout) extend(pkt *media.Packet) int64 {
	return p.ts + int64(int32(pkt.Timestamp-uint32(p.ts)))
}

// rateChanged tells whether f counts time otherwise than the stream did.
func (p *playout) rateChanged(f *media.Format) bool {
	return p.format != nil && (f.ClockRate != p.format.ClockRate || f.SampleRate != p.format.SampleRate)
}

// begin opens a stream with its first packet.
func (p *playout) begin(pkt *media.Packet, f *media.Format) {
	p.started, p.ssrc, p.format = true, pkt.SSRC, f
	// An origin well above zero keeps reordered first packets positive.
	p.seq = 1<<16 + int64(pkt.Sequence)
	p.ts = 1<<32 + int64(pkt.Timestamp)
	p.ts0 = p.ts
}

// restart forgets the stream; the next packet begins another.
func (p *playout) restart() {
	p.buf.reset()
	p.arr = arrival{}
	p.started, p.playing, p.pausing = false, false, false
	p.format, p.strange, p.redundancy, p.caution = nil, 0, redundancy{}, caution{}
	p.nextSeq, p.ahead, p.debt, p.run, p.ppm = 0, 0, 0, 0, 0
}

// observe feeds the arrival statistics and advances the extended counters; it returns the
// extended sequence number and the timestamp in samples.
func (p *playout) observe(pkt *media.Packet, f *media.Format) (seq, ts int64) {
	seq = p.seq + int64(int16(pkt.Sequence-uint16(p.seq)))
	ext := p.extend(pkt)
	if seq >= p.seq {
		p.seq, p.ts = seq, ext
	}
	clock := int64(f.ClockRate)
	p.arr.observe(pkt.Arrival-scale(ext-p.ts0, 1e9, clock), pkt.Arrival)
	return seq, scale(ext-p.ts0, int64(f.SampleRate), clock)
}

// store puts an accepted packet into the buffer.
func (p *playout) store(pkt *media.Packet, f *media.Format) *slot {
	seq, ts := p.observe(pkt, f)
	s := p.buf.put(seq, p.needed(), pkt.Payload)
	s.ts, s.format = ts, f
	return s
}

// needed is the first packet that is kept, to warm a decoder if not to be played.
func (p *playout) needed() int64 { return p.nextSeq - int64(warmPackets*p.repeats()) }

// acceptEvent gives a telephone-event packet its place in the sequence, so that it is not
// taken for lost sound. Its timestamp may run on another clock and says nothing here.
func (p *playout) acceptEvent(pkt *media.Packet) {
	if !p.started || pkt.SSRC != p.ssrc {
		return
	}
	delta := int64(int16(pkt.Sequence - uint16(p.seq)))
	seq := p.seq + delta
	if delta > maxJump || delta <= -slotCount/2 || p.buf.has(seq) || (p.playing && seq < p.nextSeq) {
		return
	}
	s := p.buf.put(seq, p.needed(), nil)
	s.kind, s.samples, s.silent, s.format = slotEvent, 0, true, p.format
	p.seq = max(p.seq, seq)
}

// scale returns v*num/den without overflow for times of any length, rounded down.
func scale(v, num, den int64) int64 {
	q, r := v/den, v%den
	if r < 0 {
		q, r = q-1, r+den
	}
	return q*num + r*num/den
}

// horizon returns the end of the newest packet, samples, and false if none waits.
func (p *playout) horizon() (end int64, grid *slot, ok bool) {
	for q := p.buf.newest; q > p.buf.newest-slotCount && q >= 0; q-- {
		if s := p.buf.at(q); s != nil && s.kind == slotAudio {
			return s.ts + int64(s.samples), s, p.buf.any
		}
	}
	return 0, nil, false
}

// waiting returns the sound between the position and the end of the newest packet, samples.
func (p *playout) waiting() int64 {
	n := p.ahead >> 32
	if end, _, ok := p.horizon(); ok {
		n += max(end-p.endTS, 0)
	}
	return max(n, 0)
}

// sure returns the end (samples) of the sound that will surely have arrived at the time
// "at", by the arrival statistics, on the grid of the sender's packets.
func (p *playout) sure(at, margin int64, grid *slot) int64 {
	latest := scale(at-p.arr.sure()-margin, int64(grid.format.SampleRate), 1e9)
	d := int64(max(grid.samples, 1))
	return grid.ts + floorDiv(latest-grid.ts, d)*d + d
}

// excess returns how many samples more than needed will surely be there at the time "at"
// and at the ticks after it, at the worst of them: packets that are no divisor of the
// period come unevenly. need is the end of the sound that the tick at "at" takes.
func (p *playout) excess(at, margin, need int64, b *beat, grid *slot) int64 {
	frame := b.period * int64(grid.format.SampleRate) / 1e9
	least := p.sure(at, margin, grid) - need
	d := int64(max(grid.samples, 1))
	for i := int64(1); i < d/gcd(d, frame) && i < maxUneven; i++ {
		least = min(least, p.sure(at+i*b.period, margin, grid)-need-i*frame)
	}
	return least
}

// maxUneven bounds how many ticks ahead uneven packets are looked at.
const maxUneven = 12

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return max(a, 1)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}
