//go:build linux

package mixing

import (
	"math/rand/v2"
	"slices"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/internal/pcm"
)

// Kernel is the loops of a room in which everybody of some talks: the sum of all, and for
// each of them the sum less its own sound.
type Kernel struct {
	frames    [][]int16
	sum, less []int32
	from, to  []byte
}

// NewKernel makes one for frames of so many samples from so many inputs.
func NewKernel(samples, inputs int) *Kernel {
	r := rand.New(rand.NewPCG(1, 1))
	k := &Kernel{frames: make([][]int16, inputs), sum: make([]int32, samples), less: make([]int32, samples),
		from: make([]byte, copied), to: make([]byte, copied)}
	for i := range k.frames {
		k.frames[i] = make([]int16, samples)
		for j := range k.frames[i] {
			k.frames[i][j] = int16(r.Uint32())
		}
	}
	return k
}

// Mix runs it once.
func (k *Kernel) Mix() {
	clear(k.sum)
	for _, f := range k.frames {
		pcm.Add(k.sum, f)
	}
	for _, f := range k.frames {
		pcm.Less(k.less, k.sum, f)
	}
}

// Bytes returns what one Mix reads and writes: 10 bytes per sample to add, and 10 to take out
// again.
func (k *Kernel) Bytes() int { return 20 * len(k.sum) * len(k.frames) }

// copied is the size of the bare copy: source and copy lie in 32 KB of first-level cache.
const copied = 8 << 10

// Measure runs the kernel and a copy in turns and returns how many nanoseconds a Mix takes,
// and as many bytes of the copy.
func (k *Kernel) Measure() Cost {
	mixed, bare := inTurns(k.Mix, func() { copy(k.to, k.from) })
	return Cost{NS: mixed, FloorNS: bare * float64(k.Bytes()) / (2 * copied)}
}

// inTurns runs a and b alternately for turns of about 20 µs and returns how long, in
// nanoseconds, one run of each takes in its fastest turns, which no other load of the machine
// has stretched.
func inTurns(a, b func()) (nsA, nsB float64) {
	const turns = 2000
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
