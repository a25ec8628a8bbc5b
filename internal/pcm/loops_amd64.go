package pcm

import "golang.org/x/sys/cpu"

// hasAVX2 is a variable for the sake of the tests.
var hasAVX2 = cpu.X86.HasAVX2

// The assembly takes whole vectors of 16 samples, at least one; what is left over is for
// the portable loops.
const vector = 16

//go:noescape
func addAVX2(sum *int32, src *int16, n int)

//go:noescape
func lessAVX2(dst, sum *int32, own *int16, n int)

//go:noescape
func rangeAVX2(src *int32, n int) (lo, hi int32)

//go:noescape
func squaresAVX2(src *int16, n int) uint64

//go:noescape
func narrowAVX2(dst *int16, src *int32, n int)

// vectors returns how many of n samples the assembly takes.
func vectors(n int) int {
	if !hasAVX2 {
		return 0
	}
	return n &^ (vector - 1)
}

func add(sum []int32, src []int16) {
	n := vectors(len(src))
	if n > 0 {
		addAVX2(&sum[0], &src[0], n)
	}
	addPortable(sum[n:], src[n:])
}

func less(dst, sum []int32, own []int16) {
	n := vectors(len(own))
	if n > 0 {
		lessAVX2(&dst[0], &sum[0], &own[0], n)
	}
	lessPortable(dst[n:], sum[n:], own[n:])
}

func extent(src []int32) (lo, hi int32) {
	n := vectors(len(src))
	if n == 0 {
		return extentPortable(src)
	}
	lo, hi = rangeAVX2(&src[0], n)
	l, h := extentPortable(src[n:])
	return min(lo, l), max(hi, h)
}

func squares(src []int16) uint64 {
	n := vectors(len(src))
	if n == 0 {
		return squaresPortable(src)
	}
	return squaresAVX2(&src[0], n) + squaresPortable(src[n:])
}

func narrow(dst []int16, src []int32) {
	n := vectors(len(src))
	if n > 0 {
		narrowAVX2(&dst[0], &src[0], n)
	}
	narrowPortable(dst[n:], src[n:])
}
