package codec

import (
	"math"

	"github.com/confd/confd/media"
)

// Gauge estimates how loud a stream is from what leads its packets, for a hundredth of what
// decoding costs:
//
//   - Opus in CELT mode: the coarse energies (RFC 6716 section 4.3.2.1). Within 6 dB.
//   - Opus in SILK or hybrid mode: gains and spectral envelope of the first frame (sections
//     4.2.7.4 and 4.2.7.5.1). What prediction adds to those is an average: speech and noise
//     come out within 12 dB or so, a steady tone up to 25 dB too low. A voice keeps its
//     error, so whoever hears the stream now and then can take it out.
//   - G.722: the step size that its codes adapt, of the lower band. Within 12 dB.
//
// It is one stream's, and is shown every packet in turn; what it misses it has forgotten
// some packets later. The zero value is ready to use.
type Gauge struct {
	energy [2][celtBands]float32 // by channel, as decoded last, log2 of the amplitude
	step   int32                 // logarithm of G.722's step size
}

// No estimate, in dBov, leaves these.
const quietest, loudest = float32(-127), float32(6)

// What the estimates lack, dB, measured on speech and noise against what libopus decodes at
// 12 to 128 kbit/s, and against G.722.
var silkKind = [3]float32{2, 4, 14} // of inactive, unvoiced and voiced frames

const (
	celtScale = float32(-90)
	g722Scale = float32(-70)
)

// Read returns an estimate of a packet's level in dBov, -127 to 6; of
// Opus that of its loudest frame that can be looked into. It reports false of a packet that
// is malformed, that has its sound behind what can be skipped, or of another codec.
func (g *Gauge) Read(f *media.Format, payload []byte) (level float32, ok bool) {
	switch f.Codec {
	case media.G722:
		return g.g722(payload), len(payload) > 0
	case media.Opus:
		var p opusPacket
		if p.parse(payload) {
			return g.opus(&p)
		}
	}
	return quietest, false
}

// g722 follows the lower band's step size and takes the mean of its logarithm.
func (g *Gauge) g722(codes []byte) float32 {
	step, sum := g.step, int32(0)
	for _, code := range codes {
		step = min(max(step*127>>7+g722LowChange[code>>2&15], 0), 18432)
		sum += step >> 4
	}
	g.step = step
	return float32(sum)/float32(max(len(codes), 1))*16*6.02/2048 + g722Scale
}

func (g *Gauge) opus(p *opusPacket) (level float32, ok bool) {
	level = quietest
	data := p.data
	for _, size := range p.sizes[:p.count] {
		frame := data[:size]
		data = data[size:]
		if len(frame) <= 1 {
			ok = true // DTX
			continue
		}
		var l float32
		readable := true
		if p.mode == opusCELT {
			l = g.celt(p, frame)
		} else {
			l, readable = silkLevel(p, frame)
		}
		level, ok = max(level, l), ok || readable
	}
	return min(level, loudest), ok
}

// silkLevel estimates from the gains of the first SILK frame, or of the copy of the one
// before (LBRR) that is in front of it: RFC 6716 sections 4.2.3 to 4.2.7.5.
func silkLevel(p *opusPacket, frame []byte) (level float32, ok bool) {
	var d rangeDecoder
	d.begin(frame)
	active, ok := silkHeader(&d, p)
	if !ok {
		return quietest, false
	}
	power, kind := silkGains(&d, active, p.frame >= 960)
	shape := &silkShapes[p.wide()]
	vector := d.symbol(shape.icdf[kind/2][:])
	return powerLevel(power) + silkKind[kind] + float32(shape.gain[vector])*2/3, true
}

// silkHeader reads up to the signal type of what is coded first, and reports whether that
// is an active frame. It is not ok if that is the side channel's, which says little.
func silkHeader(d *rangeDecoder, p *opusPacket) (active, ok bool) {
	frames, channels := p.silkFrames(), 1
	if p.stereo {
		channels = 2
	}
	var voice, copies [2][3]bool
	var copied [2]bool
	for c := range channels {
		for i := range frames {
			voice[c][i] = d.bit(1)
		}
		copied[c] = d.bit(1)
	}
	for c := range channels {
		copies[c] = silkCopies(d, copied[c], frames)
	}
	active = voice[0][0]
	side := voice[1][0]
	for i := frames - 1; i >= 0; i-- {
		switch {
		case copies[0][i]:
			active, side = true, copies[1][i]
			ok = true
		case copies[1][i]:
			ok = false
		default:
			continue
		}
	}
	if !ok && (copied[0] || copied[1]) {
		return false, false
	}
	if p.stereo {
		silkStereo(d, !side)
	}
	return active, true
}

// silkCopies reads which of the frames have a copy.
func silkCopies(d *rangeDecoder, any bool, frames int) (has [3]bool) {
	mask := 0
	switch {
	case !any:
	case frames == 1:
		mask = 1
	case frames == 2:
		mask = d.symbol(silkCopies2[:]) + 1
	default:
		mask = d.symbol(silkCopies3[:]) + 1
	}
	for i := range has {
		has[i] = mask>>i&1 != 0
	}
	return has
}

// silkStereo skips the prediction weights and, if it is there, the flag that the side
// channel is not coded.
func silkStereo(d *rangeDecoder, flag bool) {
	d.symbol(silkStereoJoint[:])
	for range 2 {
		d.symbol(silkUniform3[:])
		d.symbol(silkUniform5[:])
	}
	if flag {
		d.symbol(silkOnlyMid[:])
	}
}

// silkGains reads signal type (0 inactive, 1 unvoiced, 2 voiced) and gains, and returns the
// mean square of the gains.
func silkGains(d *rangeDecoder, active, long bool) (power float32, kind int) {
	if active {
		kind = d.symbol(silkTypeActive[:])/2 + 1
	} else {
		d.symbol(silkTypeInactive[:])
	}
	index := d.symbol(silkGain[kind][:])<<3 | d.symbol(silkUniform8[:])
	power, parts := silkPower[index], 2
	if long {
		parts = 4
	}
	for range parts - 1 {
		index = silkNextGain(index, d.symbol(silkGainDelta[:]))
		power += silkPower[index]
	}
	return power / float32(parts), kind
}

// silkNextGain is the gain of the next subframe (section 4.2.7.4).
func silkNextGain(index, delta int) int {
	delta -= 4
	if far := index + 8; delta > far {
		delta = 2*delta - far // the steps double where 63 would be out of reach
	}
	return min(max(index+delta, 0), 63)
}

// celt follows the coarse energies, RFC 6716 sections 4.3 to 4.3.2.1.
func (g *Gauge) celt(p *opusPacket, frame []byte) float32 {
	var d rangeDecoder
	d.begin(frame)
	total := 8 * len(frame)
	if d.bit(15) {
		g.silence()
		return quietest
	}
	d.skipPostFilter(total)
	if p.frame > 120 && d.tell()+3 <= total {
		d.bit(3) // transient
	}
	intra := d.tell()+3 <= total && d.bit(3)
	g.coarse(&d, p, total, intra)
	return g.level(p)
}

func (g *Gauge) silence() {
	for c := range g.energy {
		for i := range g.energy[c] {
			g.energy[c][i] = celtSilence
		}
	}
}

// skipPostFilter reads past the pitch post-filter's parameters.
func (d *rangeDecoder) skipPostFilter(total int) {
	if d.tell()+16 > total || !d.bit(1) {
		return
	}
	octave := d.uniform(6)
	d.used += 4 + int(octave) + 3 // raw bits, at the frame's other end
	if d.tell()+2 <= total {
		d.symbolOf(celtThree[:], 2)
	}
}

// coarse decodes the energy of every band, to within 3 dB.
func (g *Gauge) coarse(d *rangeDecoder, p *opusPacket, total int, intra bool) {
	size := p.config & 3
	fade, lean, model := celtFade[size], celtLean[size], &celtModel[size][0]
	if intra {
		fade, lean, model = 0, celtLeanIntra, &celtModel[size][1]
	}
	channels := p.channels()
	if channels == 1 {
		for i, e := range g.energy[1] {
			g.energy[0][i] = max(g.energy[0][i], e)
		}
	}
	var before [2]float32
	for i := range p.celtEnd() {
		m := &model[i]
		for c := range channels {
			e := &g.energy[c][i]
			q := float32(d.coarseStep(total, uint32(m[0])<<7, uint32(m[1])<<6))
			*e = min(max(fade*max(*e, -9)+before[c]+q, celtSilence), celtLoudest)
			before[c] += q - lean*q
		}
	}
	if channels == 1 {
		g.energy[1] = g.energy[0]
	}
}

// coarseStep reads one step, in whatever form the rest of the frame has room for.
func (d *rangeDecoder) coarseStep(total int, zero, decay uint32) int {
	switch left := total - d.tell(); {
	case left >= 15:
		return d.laplace(zero, decay)
	case left >= 2:
		q := d.symbolOf(celtThree[:], 2)
		return q>>1 ^ -(q & 1)
	case left >= 1:
		if d.bit(1) {
			return -1
		}
		return 0
	}
	return -1
}

// level sums up the bands.
func (g *Gauge) level(p *opusPacket) float32 {
	var power float32
	channels := p.channels()
	for c := range channels {
		for i, e := range g.energy[c][:p.celtEnd()] {
			power += exp2(2*e + celtWeight[i])
		}
	}
	return powerLevel(power/float32(channels)) + celtScale
}

// exp2 is 2 to the power of x, to 6 %.
func exp2(x float32) float32 {
	return math.Float32frombits(uint32(min(max(x, -100), 100)*(1<<23)) + 127<<23)
}

// powerLevel is a power in dB.
func powerLevel(power float32) float32 { return float32(10 * math.Log10(float64(power))) }

func (p *opusPacket) channels() int {
	if p.stereo {
		return 2
	}
	return 1
}

// wide is 0 of narrow and medium band, 1 of what has SILK in wide band.
func (p *opusPacket) wide() int {
	if p.config < 8 {
		return 0
	}
	return 1
}

// celtEnd is how many bands a frame in CELT mode has.
func (p *opusPacket) celtEnd() int { return celtEnds[(p.config-16)/4] }
