package mixer

import "github.com/confd/confd/codec/resample"

// beat is what a tick tells its inputs.
type beat struct {
	due     int64 // monotonic ns at which the tick was due
	time    int64 // media timeline, ns
	period  int64 // ns
	rate    int   // of the room, samples per second
	samples int   // of a frame at that rate
}

// reading is how one tick's frame is read out of the fed sound.
type reading struct {
	idle  bool   // nothing plays
	exact bool   // copy; else interpolate
	pos   int64  // Q32 samples before the write end
	step  uint64 // Q32 input samples per output sample
	kern  *resample.Kernel
}

const (
	// maxConceal is how long sound is made up before an input counts as gone, ns.
	maxConceal = int64(200e6)
	// maxDelay is the most that may wait in front of an input, ns.
	maxDelay = int64(500e6)
	// How much earlier than its tick a packet must be expected, ns: less than growMargin, and
	// delay is added; narrowMargin, and it is given up; wideMargin, and it is although it was
	// needed lately. Between them lies the hysteresis.
	growMargin   = int64(500e3)
	narrowMargin = int64(1500e3)
	wideMargin   = int64(5e6)
	// exactSlack is the waste that is not worth a resampler, ns.
	exactSlack  = int64(4e6)
	filterSlack = int64(250e3) // ns, likewise while a resampler runs anyway
	maxFaster   = 5000         // ppm: 0.5 % is not heard
	maxSlower   = 10000        // ppm: an underrun is near
	minSlower   = 3000         // ppm
	minFaster   = 300          // ppm
	ppmSlew     = 250          // ppm per tick
)

// consume moves the stream on by one frame and tells how the frame is read.
func (p *playout) consume(b *beat, v *voice, stats *inputCounters) reading {
	if !p.playing && !p.start(b, v) {
		return reading{idle: true}
	}
	in := p.format.SampleRate
	kern := p.kernel(in, b.rate)
	r := reading{kern: kern, step: p.step(kern, b)}
	r.exact = r.step == 1<<32 && p.ahead&fraction == 0
	p.exact = r.exact
	need := int64(r.step) * int64(b.samples)
	look := lookahead(r.exact, kern)
	if !p.feed(need+look, v, stats) {
		p.stretch(&r, b, v, stats)
	}
	r.pos = p.ahead
	p.ahead -= int64(r.step) * int64(b.samples)
	if p.ahead&fraction < roundOff {
		p.ahead &^= fraction
	}
	p.correct(b, v, kern, stats)
	if int64(p.run)*1e9 > maxConceal*int64(in) {
		p.playing = false
	}
	return r
}

const fraction = 1<<32 - 1

func lookahead(exact bool, k *resample.Kernel) int64 {
	if exact {
		return 0
	}
	return int64(k.Half()) << 32
}

// kernel returns the kernel between two rates, which the stream keeps.
func (p *playout) kernel(in, out int) *resample.Kernel {
	if p.kern == nil || p.kernRates != [2]int{in, out} {
		p.kern, p.kernRates = resample.KernelFor(in, out), [2]int{in, out}
	}
	return p.kern
}

// roundOff is the fraction of a sample, Q32, that truncated steps leave in a frame.
const roundOff = 1 << 12

// step returns the input samples per output sample at the speed in force, Q32. At rest the
// fraction of a sample that corrections left is walked off in one frame, so that equal
// rates can be copied again.
func (p *playout) step(k *resample.Kernel, b *beat) uint64 {
	s := int64(k.Step())
	if p.ppm == 0 && s == 1<<32 {
		return uint64(s + p.ahead&fraction/int64(b.samples))
	}
	return uint64(s + s/1000*int64(p.ppm)/1000)
}

// stretch deals with too little sound for a frame: a small shortage is played slower, a
// larger one is concealed.
func (p *playout) stretch(r *reading, b *beat, v *voice, stats *inputCounters) {
	n := int64(b.samples)
	need := int64(r.step) * n
	filter := lookahead(false, r.kern)
	if have := p.ahead - filter; have >= need-need/10 {
		r.step, r.exact = uint64(have/n), false
		return
	}
	short := need + lookahead(r.exact, r.kern) - p.ahead
	unit := int64(p.format.SampleRate / 400) // 2.5 ms, which every codec can conceal
	samples := int(((short-1)>>32 + unit) / unit * unit)
	if p.pausing {
		v.silence(samples)
		p.fed(samples)
		p.playing = false
		return
	}
	p.caution.need(b.due)
	p.bridge(samples, v, stats)
}

// start sets the position for a stream or talk spurt that begins: as late as jitter asks.
func (p *playout) start(b *beat, v *voice) bool {
	if !p.started || !p.buf.any {
		return false
	}
	end, grid, ok := p.horizon()
	if !ok || grid.silent || grid.seq < p.nextSeq {
		return false
	}
	p.format = grid.format
	kern := p.kernel(p.format.SampleRate, b.rate)
	look := lookahead(p.format.SampleRate == b.rate, kern)
	frame := (int64(kern.Step())*int64(b.samples) + look) >> 32
	pos := min(p.excess(b.due, growMargin, frame, b, grid), end-frame)
	first := p.firstFor(pos, grid)
	waste := min(first.ts-pos, scale(maxDelay, int64(p.format.SampleRate), 1e9))
	p.endTS, p.nextSeq, p.last = first.ts, first.seq, first.samples
	p.ahead, p.debt, p.run, p.ppm = waste<<32, 0, 0, 0
	p.playing, p.pausing = true, false
	v.fit(p.format.SampleRate)
	v.flush()
	v.silence(int(max(waste, 0)))
	return true
}

// firstFor returns the packet to begin with for a position: the newest that starts at or
// before it, in an unbroken row with the newest of all.
func (p *playout) firstFor(pos int64, newest *slot) *slot {
	first := newest
	for first.ts > pos {
		s := p.buf.at(first.seq - 1)
		if s == nil || s.kind != slotAudio || s.format != first.format || s.seq < p.nextSeq {
			break
		}
		first = s
	}
	return first
}

// correct steers the delay. Excess is how much later than necessary the position stands,
// given when packets surely arrive. An input that nobody hears jumps; one that is heard is
// played a little faster or slower, which also takes out the drift between the clocks.
func (p *playout) correct(b *beat, v *voice, kern *resample.Kernel, stats *inputCounters) {
	_, grid, ok := p.horizon()
	if !ok || !p.playing || p.debt > 0 {
		return
	}
	rate := int64(p.format.SampleRate)
	look := lookahead(p.exact, kern)
	need := p.endTS + (int64(kern.Step())*int64(b.samples)+look-p.ahead)>>32
	next := b.due + b.period
	grow := -p.excess(next, growMargin, need, b, grid)
	if grow > 0 {
		p.caution.need(b.due)
	}
	shrink := p.excess(next, p.caution.margin(b.due)+p.redundancy.wait(grid), need, b, grid)
	switch {
	case shrink*1e9 > p.tolerable(v)*rate:
		p.playing = false // begins anew at the next tick, where it should be
		stats.cuts.Add(1)
	case v == nil:
		p.jump(shrink, grow, rate)
	case grow > 0:
		p.steer(-int32(min(max(grow*1e6/(rate*2), minSlower), maxSlower)))
	case shrink*1e9 > p.slack()*rate:
		p.steer(int32(min(max(shrink*1e6/rate, minFaster), maxFaster)))
	default:
		p.steer(0)
	}
}

// tolerable is the excess, ns, that is taken out gently. What is more, after a burst or a
// stall, is cut: at once if nobody hears it or if it is gross, else where it is quiet.
func (p *playout) tolerable(v *voice) int64 {
	if v == nil || v.quiet {
		return quietCut
	}
	return grossCut
}

const (
	quietCut = int64(35e6)  // ns
	grossCut = int64(100e6) // ns
)

// slack is the waste that is let be: more while the sound is copied exactly.
func (p *playout) slack() int64 {
	if p.exact {
		return exactSlack
	}
	return filterSlack
}

// jump moves the position of an input that nobody hears.
func (p *playout) jump(shrink, grow, rate int64) {
	p.ppm = 0
	switch {
	case shrink > rate/1000:
		p.ahead -= shrink << 32
	case grow > 0:
		p.ahead += min(grow, rate/2) << 32
	}
	p.ahead &^= fraction
}

// steer moves the speed towards what is wanted, gently.
func (p *playout) steer(want int32) {
	p.ppm += max(min(want-p.ppm, ppmSlew), -ppmSlew)
}
