package codec

import (
	"math"
	"slices"

	"github.com/confd/confd/media"
)

// G.722 at 64 kbit/s (ITU-T G.722 mode 1): a quadrature mirror filter halves 16 kHz sound
// into two bands of 8 kHz, each of which is coded by adaptive differential PCM: six bits
// a sample for the lower band, two for the upper. Coder and decoder run the same adaptive
// predictor and step size on the quantised difference, and so stay in step. The names of
// the recommendation's sub-blocks stand at the functions that do their work. Its
// arithmetic (16 bits, saturated where it says so) is kept to the bit.

// g722Chunk is how many sample pairs are filtered at a time.
const g722Chunk = 80

// g722History is what the 24-tap filters need of the pairs before.
const g722History = 22

func clip16(v int32) int32 { return min(max(v, math.MinInt16), math.MaxInt16) }

// clip15 limits reconstructed band signals so that their sum fits 16 bits (LIMIT).
func clip15(v int32) int32 { return min(max(v, -16384), 16383) }

// g722Band is the adaptive part of one band, the same in coder and decoder.
type g722Band struct {
	prediction int32    // of the band's next sample
	zeros      int32    // the zero section's part of it
	log        int32    // of the step size, 11 fractional bits
	step       int32    // quantiser's scale
	pole       [2]int32 // predictor coefficients, 14 fractional bits
	zero       [6]int32
	diffs      [6]int32 // quantised differences, newest first, doubled as the filter wants them
	recent     [2]int32 // reconstructed samples, the same way
	partial    [2]int32 // difference plus zero section, newest first
}

// adapt takes in the quantised difference and predicts the next sample.
func (b *g722Band) adapt(diff int32) {
	sample := clip16(b.prediction + diff) // RECONS
	part := clip16(b.zeros + diff)        // PARREC
	b.adaptPoles(part)
	b.adaptZeros(diff)
	b.recent[1], b.recent[0] = b.recent[0], clip16(2*sample)
	b.partial[1], b.partial[0] = b.partial[0], part
	b.predict()
}

// adaptPoles moves the two pole coefficients by the signs of the partial signal, within
// what keeps the predictor stable (UPPOL2, UPPOL1).
func (b *g722Band) adaptPoles(part int32) {
	same1 := part^b.partial[0] >= 0 // same sign as the one before
	same2 := part^b.partial[1] >= 0
	second := clip16(b.pole[0] << 2)
	if same1 {
		second = min(-second, math.MaxInt16)
	}
	second >>= 7
	if same2 {
		second += 128
	} else {
		second -= 128
	}
	second += b.pole[1] * 32512 >> 15
	second = min(max(second, -12288), 12288)

	first := b.pole[0] * 32640 >> 15
	if same1 {
		first += 192
	} else {
		first -= 192
	}
	bound := 15360 - second
	b.pole[0] = min(max(first, -bound), bound)
	b.pole[1] = second
}

// adaptZeros moves the six zero coefficients by the signs of the differences (UPZERO),
// takes the new difference into their history and sums up the section (FILTEZ).
func (b *g722Band) adaptZeros(diff int32) {
	gain := int32(128)
	if diff == 0 {
		gain = 0
	}
	z, d := &b.zero, &b.diffs
	z[0] = leak(z[0], gain, d[0]^diff)
	z[1] = leak(z[1], gain, d[1]^diff)
	z[2] = leak(z[2], gain, d[2]^diff)
	z[3] = leak(z[3], gain, d[3]^diff)
	z[4] = leak(z[4], gain, d[4]^diff)
	z[5] = leak(z[5], gain, d[5]^diff)
	d[5], d[4], d[3], d[2], d[1], d[0] = d[4], d[3], d[2], d[1], d[0], clip16(2*diff)
	b.zeros = clip16(z[0]*d[0]>>15 + z[1]*d[1]>>15 + z[2]*d[2]>>15 + z[3]*d[3]>>15 + z[4]*d[4]>>15 + z[5]*d[5]>>15)
}

// leak takes a 256th off a coefficient and moves it by gain: down if signs, an exclusive
// or, says that they differ.
func leak(coefficient, gain, signs int32) int32 {
	differ := signs >> 31
	return coefficient*32640>>15 + (gain ^ differ) - differ
}

// predict runs the pole section over the samples (FILTEP) and adds the zero section
// (PREDIC).
func (b *g722Band) predict() {
	poles := b.pole[0]*b.recent[0]>>15 + b.pole[1]*b.recent[1]>>15
	b.prediction = clip16(clip16(poles) + b.zeros)
}

// rescale adapts the step size: the logarithm leaks and moves by change, and the step is
// its exponential (LOGSCL and SCALEL, LOGSCH and SCALEH). The bands differ in the limit
// and in the exponent's offset.
func (b *g722Band) rescale(change, limit, offset int32) {
	b.log = min(max(b.log*127>>7+change, 0), limit)
	mantissa := g722Exp[b.log>>6&31]
	if shift := offset - b.log>>11; shift >= 0 {
		b.step = mantissa >> shift << 2
	} else {
		b.step = mantissa << -shift << 2
	}
}

// g722Bands is the state that both directions share.
type g722Bands struct{ low, high g722Band }

func newG722Bands() g722Bands {
	return g722Bands{low: g722Band{step: 32}, high: g722Band{step: 8}}
}

// adaptLow takes in a code of the lower band. Only its upper four bits count, so that the
// lower two may be lost or stolen.
func (b *g722Bands) adaptLow(code int32) {
	four := code >> 2
	diff := b.low.step * g722Low4[four] >> 15
	b.low.rescale(g722LowChange[four], 18432, 8)
	b.low.adapt(diff)
}

func (b *g722Bands) adaptHigh(code int32) {
	diff := b.high.step * g722High2[code] >> 15
	b.high.rescale(g722HighChange[code], 22528, 10)
	b.high.adapt(diff)
}

// encode codes one sample of each band.
func (b *g722Bands) encode(low, high int32) byte {
	l := quantiseLow(clip16(low-b.low.prediction), b.low.step)
	b.adaptLow(l)
	h := quantiseHigh(clip16(high-b.high.prediction), b.high.step)
	b.adaptHigh(h)
	return byte(h<<6 | l)
}

// quantiseLow finds the interval of the difference among 30 decision levels (QUANTL).
func quantiseLow(diff, step int32) int32 {
	size := diff
	if diff < 0 {
		size = ^diff
	}
	at := 0 // five halvings without a branch that depends on the sound
	for width := 16; width > 0; width >>= 1 {
		further := at + width
		if size >= g722Levels[(further-1)&31]*step>>12 {
			at = further
		}
	}
	at = min(at, 29) // the levels behind are copies of the last
	if diff < 0 {
		return g722Negative[at]
	}
	return g722Positive[at]
}

// quantiseHigh knows one decision level (QUANTH).
func quantiseHigh(diff, step int32) int32 {
	level := 564 * step >> 12
	switch {
	case diff >= level:
		return 2
	case diff >= 0:
		return 3
	case ^diff >= level:
		return 0
	}
	return 1
}

// decode returns one sample of each band.
func (b *g722Bands) decode(code byte) (low, high int32) {
	l, h := int32(code&63), int32(code>>6)
	low = clip15(b.low.prediction + b.low.step*g722Low6[l]>>15)
	b.adaptLow(l)
	high = clip15(b.high.prediction + b.high.step*g722High2[h]>>15)
	b.adaptHigh(h)
	return low, high
}

// mirror is the quadrature mirror filter's two polyphase branches over 12 pairs, oldest
// first. The odd branch is the even one backwards (coefficients of table 11).
func mirror(x *[24]int32) (even, odd int32) {
	even = 3*x[0] - 11*x[2] + 12*x[4] + 32*x[6] - 210*x[8] + 951*x[10] +
		3876*x[12] - 805*x[14] + 362*x[16] - 156*x[18] + 53*x[20] - 11*x[22]
	odd = -11*x[1] + 53*x[3] - 156*x[5] + 362*x[7] - 805*x[9] + 3876*x[11] +
		951*x[13] - 210*x[15] + 32*x[17] + 12*x[19] - 11*x[21] + 3*x[23]
	return even, odd
}

type g722Encoder struct {
	format  media.Format
	samples int
	g722Analysis
}

// g722Analysis is the coder proper.
type g722Analysis struct {
	bands g722Bands
	x     [g722History + 2*g722Chunk]int32
}

func newG722Encoder(f media.Format, samples int) *g722Encoder {
	e := &g722Encoder{format: f, samples: samples}
	e.bands = newG722Bands()
	return e
}

func (e *g722Encoder) Encode(dst []byte, pcm []int16) ([]byte, error) {
	if len(pcm) != e.samples {
		return dst, errPCM(e.format, len(pcm), e.samples)
	}
	dst, out := extend(dst, len(pcm)/2)
	e.encode(out, pcm)
	return dst, nil
}

// encode writes one byte for every two samples.
func (a *g722Analysis) encode(out []byte, pcm []int16) {
	for len(pcm) > 0 {
		n := min(len(pcm)/2, g722Chunk)
		for i, s := range pcm[:2*n] {
			a.x[g722History+i] = int32(s)
		}
		for i := range out[:n] {
			even, odd := mirror((*[24]int32)(a.x[2*i:]))
			out[i] = a.bands.encode((odd+even)>>14, (odd-even)>>14)
		}
		copy(a.x[:g722History], a.x[2*n:])
		out, pcm = out[n:], pcm[2*n:]
	}
}

func (e *g722Encoder) CopyFrom(src Encoder) error {
	s, ok := src.(*g722Encoder)
	if !ok || s.format != e.format {
		return errCopy(src, e)
	}
	*e = *s
	return nil
}

func (e *g722Encoder) Reset() error {
	*e = *newG722Encoder(e.format, e.samples)
	return nil
}

func (e *g722Encoder) String() string { return e.format.String() }

// g722Decoder stands still through a loss: taking in what was made up instead did not bring
// it nearer to its sender, and forgetting made it worse (but in long bursts of loud speech).
type g722Decoder struct {
	bands g722Bands
	x     [g722History + 2*g722Chunk]int32
}

func newG722Decoder() *g722Decoder { return &g722Decoder{bands: newG722Bands()} }

func (d *g722Decoder) samples(payload []byte) int { return 2 * len(payload) }

func (d *g722Decoder) decode(pcm []int16, payload []byte) {
	for codes := range slices.Chunk(payload, g722Chunk) {
		for i, code := range codes {
			low, high := d.bands.decode(code)
			d.x[g722History+2*i] = low + high
			d.x[g722History+2*i+1] = low - high
		}
		for i := range codes {
			even, odd := mirror((*[24]int32)(d.x[2*i:]))
			pcm[2*i] = int16(clip16(odd >> 11))
			pcm[2*i+1] = int16(clip16(even >> 11))
		}
		copy(d.x[:g722History], d.x[2*len(codes):])
		pcm = pcm[2*len(codes):]
	}
}

func (d *g722Decoder) reset() { *d = *newG722Decoder() }
