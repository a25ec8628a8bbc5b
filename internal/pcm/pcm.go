// Package pcm holds the inner loops over 16-bit sound: sum, subtract, gain, level. Those that
// run for every participant have an AVX2 version beside the plain one that serves every other
// processor; both give the same to the bit.
package pcm

import "math"

// Saturate clamps a sum to 16 bits.
func Saturate(v int32) int16 { return int16(max(min(v, math.MaxInt16), math.MinInt16)) }

// Add adds src to sum, which is at least as long.
func Add(sum []int32, src []int16) { add(sum[:len(src)], src) }

// Less writes sum without own to dst: exactly what was added is taken away. All have the
// length of own, or more, which is left alone.
func Less(dst, sum []int32, own []int16) { less(dst[:len(own)], sum[:len(own)], own) }

// Narrow writes src to dst, which is at least as long, saturating.
func Narrow(dst []int16, src []int32) { narrow(dst[:len(src)], src) }

// Amplify multiplies src into dst by a gain that moves linearly from one value to another
// over the frame, saturating. dst is at least as long as src and may be src.
func Amplify(dst, src []int16, from, to float32) {
	const most = 1 << 15 // saturates every sample, and products still fit 32 bits
	from, to = min(max(from, -most), most), min(max(to, -most), most)
	dst = dst[:len(src)]
	step := (to - from) / float32(len(src))
	for i, s := range src {
		from += step
		dst[i] = Saturate(int32(float32(s) * from))
	}
}

// Squares returns the sum of the squares.
func Squares(pcm []int16) uint64 { return squares(pcm) }

// MeanSquare returns the mean of the squares in units of full scale squared, 0 for none.
func MeanSquare(pcm []int16) float64 {
	return float64(Squares(pcm)) / float64(max(len(pcm), 1)) / (1 << 30)
}

// Peak returns the largest magnitude.
func Peak(pcm []int32) int32 {
	lo, hi := extent(pcm)
	return max(hi, -max(lo, -math.MaxInt32))
}

// Crossfade writes a crossfade from a to b over the frame to dst, of at most 65536 samples,
// which may be a or b.
func Crossfade(dst, a, b []int16) {
	a, b = a[:len(dst)], b[:len(dst)]
	n := int32(len(dst))
	for i := range dst {
		w := int32(i) + 1
		dst[i] = int16((int32(a[i])*(n-w) + int32(b[i])*w) / n)
	}
}

// Bend adds a step that fades out over n samples, saturating. The step is at most the
// difference of two samples, n at most 32768.
func Bend(dst []int16, step int32, n int) {
	if step == 0 {
		return
	}
	n = min(max(n, 1), len(dst))
	for i := range n {
		dst[i] = Saturate(int32(dst[i]) + step*int32(n-i)/int32(n))
	}
}
