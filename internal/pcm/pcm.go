// Package pcm holds the inner loops over 16-bit sound: sum, subtract, gain, level. Each has
// one plain version that serves every processor and is what the tests hold the others
// against.
package pcm

import "math"

// Saturate clamps a sum to 16 bits.
func Saturate(v int32) int16 { return int16(max(min(v, math.MaxInt16), math.MinInt16)) }

// Add adds src to sum; both have the same length.
func Add(sum []int32, src []int16) {
	sum = sum[:len(src)]
	i := 0
	for ; i+8 <= len(src); i += 8 {
		d, s := sum[i:i+8:i+8], src[i:i+8:i+8]
		d[0] += int32(s[0])
		d[1] += int32(s[1])
		d[2] += int32(s[2])
		d[3] += int32(s[3])
		d[4] += int32(s[4])
		d[5] += int32(s[5])
		d[6] += int32(s[6])
		d[7] += int32(s[7])
	}
	for ; i < len(src); i++ {
		sum[i] += int32(src[i])
	}
}

// Less writes sum without own to dst: exactly what was added is taken away.
func Less(dst, sum []int32, own []int16) {
	sum, dst = sum[:len(own)], dst[:len(own)]
	i := 0
	for ; i+8 <= len(own); i += 8 {
		d, s, o := dst[i:i+8:i+8], sum[i:i+8:i+8], own[i:i+8:i+8]
		d[0] = s[0] - int32(o[0])
		d[1] = s[1] - int32(o[1])
		d[2] = s[2] - int32(o[2])
		d[3] = s[3] - int32(o[3])
		d[4] = s[4] - int32(o[4])
		d[5] = s[5] - int32(o[5])
		d[6] = s[6] - int32(o[6])
		d[7] = s[7] - int32(o[7])
	}
	for ; i < len(own); i++ {
		dst[i] = sum[i] - int32(own[i])
	}
}

// Amplify multiplies src into dst by a gain that moves linearly from one value to another
// over the frame, saturating.
func Amplify(dst, src []int16, from, to float32) {
	dst = dst[:len(src)]
	step := (to - from) / float32(len(src))
	for i, s := range src {
		from += step
		dst[i] = Saturate(int32(float32(s) * from))
	}
}

// MeanSquare returns the mean of the squares in units of full scale squared.
func MeanSquare(pcm []int16) float64 {
	var sum int64
	for _, s := range pcm {
		sum += int64(s) * int64(s)
	}
	return float64(sum) / float64(len(pcm)) / (1 << 30)
}

// Peak returns the largest magnitude.
func Peak(pcm []int32) int32 {
	var hi, lo int32
	for _, s := range pcm {
		hi, lo = max(hi, s), min(lo, s)
	}
	return max(hi, -lo)
}

// Crossfade writes a crossfade from a to b over the frame to dst.
func Crossfade(dst, a, b []int16) {
	a, b = a[:len(dst)], b[:len(dst)]
	n := int32(len(dst))
	for i := range dst {
		w := int32(i) + 1
		dst[i] = int16((int32(a[i])*(n-w) + int32(b[i])*w) / n)
	}
}

// Bend adds a step that fades out over n samples.
func Bend(dst []int16, step int32, n int) {
	if step == 0 {
		return
	}
	n = min(max(n, 1), len(dst))
	for i := range n {
		dst[i] = Saturate(int32(dst[i]) + step*int32(n-i)/int32(n))
	}
}
