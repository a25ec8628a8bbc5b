package resample

import "golang.org/x/sys/cpu"

// hasAVX2 is a variable for the sake of the tests.
var hasAVX2 = cpu.X86.HasAVX2

// interpolateAVX2 is portable in assembly, 16 products at a time; n and taps/16 are at
// least 1. The caller has checked the bounds.
//
//go:noescape
func interpolateAVX2(dst, src, rows *int16, n, taps int, phases, pos, step uint64)

// interpolate computes the dot products; tap 0 of position 0 is src[0].
func (k *Kernel) interpolate(dst, src []int16, pos, step uint64) {
	if hasAVX2 {
		interpolateAVX2(&dst[0], &src[0], &k.rows[0], len(dst), 2*k.half, k.phases, pos, step)
		return
	}
	k.portable(dst, src, pos, step)
}
