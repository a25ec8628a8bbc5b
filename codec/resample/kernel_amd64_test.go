package resample

import (
	"fmt"
	"math"
	"testing"
)

// TestAVX2IsPortable: the assembly gives what the portable code gives, overload included.
func TestAVX2IsPortable(t *testing.T) {
	if !hasAVX2 {
		t.Skip("this processor has no AVX2")
	}
	src := noise(1000)
	for i := 300; i < 600; i++ {
		src[i] = math.MaxInt16
		if i/7%2 == 0 {
			src[i] = math.MinInt16
		}
	}
	for _, in := range testRates {
		for _, out := range testRates {
			k := KernelFor(in, out)
			for _, step := range []uint64{k.step, k.step + 123456, k.step - 999999, 1 << 31} {
				n := int((uint64(len(src)-2*k.half-2) << 32) / step)
				got, want := make([]int16, n), make([]int16, n)
				pos := uint64(0x9abcdef0)
				interpolateAVX2(&got[0], &src[0], &k.rows[0], n, 2*k.half, k.phases, pos, step)
				k.portable(want, src, pos, step)
				for i := range got {
					if got[i] != want[i] {
						t.Fatalf("%d-%d, step %#x: sample %d is %d, want %d", in, out, step, i, got[i], want[i])
					}
				}
			}
		}
	}
}

// TestPortable runs the sweep without the assembly.
func TestPortable(t *testing.T) {
	defer func(was bool) { hasAVX2 = was }(hasAVX2)
	hasAVX2 = false
	for _, pair := range [][2]int{{8000, 48000}, {48000, 8000}, {44100, 48000}} {
		checkPassed(t, pair[0], pair[1], 3000)
	}
}

func BenchmarkPortable(b *testing.B) {
	defer func(was bool) { hasAVX2 = was }(hasAVX2)
	hasAVX2 = false
	for _, pair := range [][2]int{{8000, 48000}, {48000, 8000}} {
		b.Run(fmt.Sprintf("%d-%d", pair[0], pair[1]), func(b *testing.B) {
			c := NewConverter(pair[0], pair[1])
			src, dst := noise(pair[0]/50), make([]int16, pair[1]/50)
			for b.Loop() {
				c.Process(dst, src)
			}
		})
	}
}
