//go:build linux

package coding

import "math/bits"

// UlawSilence is the code of a zero sample.
const UlawSilence = 0xff

// Ulaw tables (G.711): Linear gives the sample of a code, Magnitude its absolute value,
// and Code the code of a sample read as uint16.
var (
	Linear    [256]int16
	Magnitude [256]uint16
	Code      [1 << 16]byte
)

func init() {
	for i := range Linear {
		c := ^byte(i)
		m := (int16(c&15)<<3+bias)<<(c>>4&7) - bias
		Magnitude[i] = uint16(m)
		if c&0x80 != 0 {
			m = -m
		}
		Linear[i] = m
	}
	for i := range Code {
		Code[i] = ulaw(int32(int16(i)))
	}
}

const (
	bias = 132   // makes every segment start at a power of two
	clip = 32635 // the largest magnitude that has a code
)

func ulaw(x int32) byte {
	var sign byte
	if x < 0 {
		x, sign = -x, 0x80
	}
	x = min(x, clip) + bias
	segment := bits.Len32(uint32(x)) - 8
	return ^(sign | byte(segment)<<4 | byte(x>>(segment+3))&15)
}

// DecodeUlaw writes the samples of codes to pcm, which must be as long.
func DecodeUlaw(pcm []int16, codes []byte) {
	pcm = pcm[:len(codes)]
	for i, c := range codes {
		pcm[i] = Linear[c]
	}
}

// EncodeUlaw writes the codes of pcm to codes, which must be as long.
func EncodeUlaw(codes []byte, pcm []int16) {
	codes = codes[:len(pcm)]
	for i, x := range pcm {
		codes[i] = Code[uint16(x)]
	}
}
