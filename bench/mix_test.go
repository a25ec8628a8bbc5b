//go:build linux

package bench

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/internal/pcm"
)

// BenchmarkMix times the kernel of a room in which everybody talks: the sum of all inputs,
// and for each of them the sum less its own sound. Beside it, in turns of some microseconds,
// runs a bare copy within the first-level cache. Of both the fastest turns count, which no
// other load of the machine has stretched:
//
//	ns/participant  one addition and one removal
//	GB/s            what the kernel reads and writes, in memory operations: 10 bytes per
//	                sample, addition and removal each
//	copy-GB/s       what the copy reads and writes
//	of-copy         the one over the other; the kernel has vectors to widen and to add
func BenchmarkMix(b *testing.B) {
	for _, samples := range []int{160, 480, 960} {
		for _, inputs := range []int{3, 8, 100} {
			b.Run(fmt.Sprintf("samples=%d/inputs=%d", samples, inputs), func(b *testing.B) {
				benchmarkMix(b, samples, inputs)
			})
		}
	}
}

func benchmarkMix(b *testing.B, samples, inputs int) {
	r := rand.New(rand.NewPCG(1, 1))
	frames := make([][]int16, inputs)
	for i := range frames {
		frames[i] = make([]int16, samples)
		for j := range frames[i] {
			frames[i][j] = int16(r.Uint32())
		}
	}
	sum, less := make([]int32, samples), make([]int32, samples)
	mix := func() {
		clear(sum)
		for _, f := range frames {
			pcm.Add(sum, f)
		}
		for _, f := range frames {
			pcm.Less(less, sum, f)
		}
	}
	for b.Loop() {
		mix()
	}
	from, to := make([]byte, copied), make([]byte, copied)
	mixed, bare := inTurns(mix, func() { copy(to, from) })
	touched := float64(2*10*samples*inputs) / mixed
	copies := 2 * copied / bare
	b.ReportMetric(mixed/float64(inputs), "ns/participant")
	b.ReportMetric(touched, "GB/s")
	b.ReportMetric(copies, "copy-GB/s")
	b.ReportMetric(touched/copies, "of-copy")
}

// copied is the size of the bare copy: source and copy lie in 32 KB of first-level cache.
const copied = 8 << 10

// inTurns runs a and b alternately for turns of about 20 µs and returns how long, in
// nanoseconds, one run of each takes in its fastest turns.
func inTurns(a, b func()) (nsA, nsB float64) {
	const turns = 500
	reps := [2]int{fit(a), fit(b)}
	var took [2][]float64
	for range turns {
		for i, f := range []func(){a, b} {
			took[i] = append(took[i], timed(f, reps[i]))
		}
	}
	return slices.Min(took[0]), slices.Min(took[1])
}

// fit returns how many runs of f take about 20 µs.
func fit(f func()) int {
	n := 1
	for timed(f, n)*float64(n) < 20e3 {
		n *= 2
	}
	return n
}

// timed returns the nanoseconds that one of n runs takes.
func timed(f func(), n int) float64 {
	began := clock.Now()
	for range n {
		f()
	}
	return float64(clock.Now()-began) / float64(n)
}
