package codec

import "golang.org/x/sys/cpu"

// hasAVX2 is a variable for the sake of the tests.
var hasAVX2 = cpu.X86.HasAVX2

// The assembly takes whole vectors of 16 samples, at least one, and gives what the tables
// give; what is left over is for those.
const vector = 16

//go:noescape
func compressMulawAVX2(dst *byte, src *int16, n int)

//go:noescape
func compressAlawAVX2(dst *byte, src *int16, n int)

//go:noescape
func expandMulawAVX2(dst *int16, src *byte, n int)

//go:noescape
func expandAlawAVX2(dst *int16, src *byte, n int)

// compress writes the codes of pcm to dst, which is as long.
func (l *g711Law) compress(dst []byte, pcm []int16) {
	n := len(pcm) &^ (vector - 1)
	switch {
	case !hasAVX2 || n == 0:
		n = 0
	case l == &mulaw:
		compressMulawAVX2(&dst[0], &pcm[0], n)
	default:
		compressAlawAVX2(&dst[0], &pcm[0], n)
	}
	l.compressPortable(dst[n:], pcm[n:])
}

// expand writes the sound of codes to pcm, which is as long.
func (l *g711Law) expand(pcm []int16, codes []byte) {
	n := len(codes) &^ (vector - 1)
	switch {
	case !hasAVX2 || n == 0:
		n = 0
	case l == &mulaw:
		expandMulawAVX2(&pcm[0], &codes[0], n)
	default:
		expandAlawAVX2(&pcm[0], &codes[0], n)
	}
	l.expandPortable(pcm[n:], codes[n:])
}
