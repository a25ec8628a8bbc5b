package codec

import (
	"github.com/confd/confd/internal/pcm"
	"github.com/confd/confd/media"
)

// g711Law is µ-law or A-law by tables: 256 entries to decode, one per 14-bit sample to encode
// (the precision that the recommendation starts from). They serve where there is no assembly:
// 16 KB are half of a first-level cache.
type g711Law struct {
	sound [256]int16
	code  [1 << 14]byte
}

var (
	mulaw = newLaw(expandMulaw, 0xff)
	alaw  = newLaw(expandAlaw, 0xd5)
)

func newLaw(expand func(byte) int16, first byte) (l g711Law) {
	for i := range l.sound {
		l.sound[i] = expand(byte(i))
	}
	l.fillCodes(first)
	return l
}

// expandMulaw is the inverse of the µ-law of ITU-T G.711, at 16 bits.
func expandMulaw(code byte) int16 {
	code = ^code
	t := (int(code&15)<<3 + 0x84) << (code >> 4 & 7)
	if code&0x80 != 0 {
		return int16(0x84 - t)
	}
	return int16(t - 0x84)
}

// expandAlaw is the inverse of the A-law of ITU-T G.711, at 16 bits.
func expandAlaw(code byte) int16 {
	code ^= 0x55
	t := int(code&15)<<4 + 8
	if segment := code >> 4 & 7; segment > 0 {
		t = (t + 0x100) << (segment - 1)
	}
	if code&0x80 != 0 {
		return int16(t)
	}
	return int16(-t)
}

// fillCodes finds for every 14-bit sample that is not negative the code whose sound is nearest.
// Its complement has the same but for the sign. The first code is that of 0: µ-law inverts all
// its bits, A-law every other.
func (l *g711Law) fillCodes(first byte) {
	const sign = 0x80
	code := first
	for v := range 1 << 13 {
		// The middle of the four 16-bit samples that share the entry, doubled.
		middle := 8*v + 3
		for code^first < sign-1 {
			next := (code ^ first + 1) ^ first
			if 2*int(l.sound[next])-middle > middle-2*int(l.sound[code]) {
				break
			}
			code = next
		}
		l.code[v], l.code[1<<14-1-v] = code, code^sign
	}
}

func (l *g711Law) compressPortable(dst []byte, pcm []int16) {
	dst = dst[:len(pcm)]
	for i, s := range pcm {
		dst[i] = l.code[uint16(s)>>2]
	}
}

func (l *g711Law) expandPortable(pcm []int16, codes []byte) {
	pcm = pcm[:len(codes)]
	for i, c := range codes {
		pcm[i] = l.sound[c]
	}
}

// level returns the level of the sound that the payload decodes to.
func (l *g711Law) level(payload []byte) media.Level {
	var sound [160]int16
	var sum uint64
	for rest := payload; len(rest) > 0; {
		n := min(len(rest), len(sound))
		l.expand(sound[:n], rest[:n])
		sum += pcm.Squares(sound[:n])
		rest = rest[n:]
	}
	return levelOfSum(sum, len(payload))
}

// levelOfSum is the level of n samples whose squares add up to sum.
func levelOfSum(sum uint64, n int) media.Level {
	return media.LevelOf(float64(sum) / (float64(n) * (1 << 30)))
}

type g711Encoder struct {
	samples int
	law     *g711Law
	format  media.Format
}

func (e *g711Encoder) Encode(dst []byte, pcm []int16) ([]byte, error) {
	if len(pcm) != e.samples {
		return dst, errPCM(e.format, len(pcm), e.samples)
	}
	dst, out := extend(dst, len(pcm))
	e.law.compress(out, pcm)
	return dst, nil
}

// CopyFrom has nothing to copy: G.711 has no memory.
func (e *g711Encoder) CopyFrom(src Encoder) error {
	if s, ok := src.(*g711Encoder); !ok || s.format != e.format {
		return errCopy(src, e)
	}
	return nil
}

func (e *g711Encoder) Reset() error { return nil }

func (e *g711Encoder) String() string { return e.format.String() }

// g711Decoder is no larger than a pointer, so that an interface holds it and does not point to it.
type g711Decoder struct{ law *g711Law }

func (d g711Decoder) samples(payload []byte) int { return len(payload) }

func (d g711Decoder) decode(pcm []int16, payload []byte) { d.law.expand(pcm, payload) }

func (d g711Decoder) reset() {}
