// Package resample changes the sample rate of 16-bit mono sound: by a fixed ratio
// (Converter), or along any smoothly moving position (Kernel), which takes out clock drift.
//
// A Kernel is a low-pass of windowed sinc, tabulated at a few thousand fractions of an
// input sample, the exact ones of its ratio among them. Each output sample is one dot
// product of a table row with the input around it. In the pass-band (to 0.85 of the lower
// of the two Nyquist frequencies) it is flat within 0.1 dB; from 1.15 of it on it is more
// than 60 dB down.
package resample

import (
	"fmt"
	"math"
	"sync"
)

const (
	// lobes is how far the filter reaches to each side, in samples of the lower rate.
	lobes = 16
	// beta of the Kaiser window: 16 lobes and this give the stop-band above.
	beta = 7.0
	// fractions is how many positions between two samples of the lower rate the table
	// has at least. At the top of the pass-band the nearest of 2048 is off by -68 dB.
	fractions = 2048
	// unity is 1.0 as a coefficient. Two bits below int16's most, so that the products of
	// full-scale samples add up in 32 bits.
	unity    = 1 << unityLog
	unityLog = 14
)

// Kernel turns samples of one rate into samples of another. It is immutable and safe for
// all goroutines.
type Kernel struct {
	in, out int
	half    int     // samples to each side, a multiple of 8: a row is whole vectors of 16
	phases  uint64  // rows are fractions 0/phases to phases/phases of an input sample
	rows    []int16 // (phases+1) rows of 2*half coefficients
	step    uint64
}

var kernels sync.Map // of [2]int{in, out}

// KernelFor returns the kernel from one rate to another, both 8000 to 48000 samples per
// second. The first call for a pair takes some milliseconds, every further one returns
// the same kernel. Equal rates give an interpolating kernel: at whole positions the input
// itself. It panics if a rate is out of range: rates are the program's, not the peer's.
func KernelFor(inRate, outRate int) *Kernel {
	key := [2]int{inRate, outRate}
	if k, ok := kernels.Load(key); ok {
		return k.(*Kernel)
	}
	k, _ := kernels.LoadOrStore(key, newKernel(inRate, outRate))
	return k.(*Kernel)
}

func newKernel(in, out int) *Kernel {
	if min(in, out) < 8000 || max(in, out) > 48000 {
		panic(fmt.Sprintf("resample: %d to %d samples per second, want 8000 to 48000", in, out))
	}
	// How many input samples one sample of the lower rate lasts.
	stretch := math.Max(1, float64(in)/float64(out))
	k := &Kernel{in: in, out: out}
	k.half = (int(math.Ceil(lobes*stretch)) + 7) &^ 7
	steps := out / gcd(in, out) // the fractions that the exact ratio comes by
	least := int(math.Ceil(fractions / stretch))
	k.phases = uint64((least + steps - 1) / steps * steps)
	k.step = (uint64(in)<<32 + uint64(out)/2) / uint64(out)
	k.fill(stretch)
	return k
}

// fill computes the table. Row p serves a position p/phases behind its sample, which is
// the tap half-1.
func (k *Kernel) fill(stretch float64) {
	taps := 2 * k.half
	row := make([]float64, taps)
	k.rows = make([]int16, (int(k.phases)+1)*taps)
	for p := range int(k.phases) + 1 {
		fraction := float64(p) / float64(k.phases)
		sum := 0.0
		for t := range row {
			x := float64(t-k.half+1) - fraction
			row[t] = sinc(x/stretch) * kaiser(x/float64(k.half))
			sum += row[t]
		}
		quantise(k.rows[p*taps:(p+1)*taps], row, unity/sum)
	}
}

// quantise rounds the scaled row so that it adds up to unity exactly: then silence and
// steady sound do not depend on the fraction. What rounding leaves over goes to the
// largest coefficient.
func quantise(dst []int16, row []float64, scale float64) {
	sum, largest := 0, 0
	for t, c := range row {
		dst[t] = int16(math.Round(c * scale))
		sum += int(dst[t])
		if dst[t] > dst[largest] {
			largest = t
		}
	}
	dst[largest] += int16(unity - sum)
}

func sinc(x float64) float64 {
	if math.Abs(x) < 1e-9 {
		return 1
	}
	if x == math.Trunc(x) {
		return 0 // not just nearly: equal rates must give the input itself
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

var kaiserPeak = bessel0(beta)

// kaiser is the window, x from -1 to 1.
func kaiser(x float64) float64 {
	if x <= -1 || x >= 1 {
		return 0
	}
	return bessel0(beta*math.Sqrt(1-x*x)) / kaiserPeak
}

// bessel0 is the modified Bessel function of the first kind and order 0.
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for i := 1.0; term > 1e-9*sum; i++ {
		term *= x * x / (4 * i * i)
		sum += term
	}
	return sum
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// Half is how many input samples the kernel needs on each side of a position, the sample
// at or before it counted to the left side. It is also the delay.
func (k *Kernel) Half() int { return k.half }

// Step is how far the position moves per output sample at the nominal rates, in input
// samples, Q32.32.
func (k *Kernel) Step() uint64 { return k.step }

// Interpolate sets dst[i] to the signal at position pos+i*step, in input samples, Q32.32;
// src[0] is at position 0. Results are rounded and saturated. The step may be off Step()
// by some percent and may change from call to call.
//
// It panics unless floor(pos) >= Half()-1 and floor(pos+(len(dst)-1)*step)+Half() <
// len(src). It allocates nothing.
func (k *Kernel) Interpolate(dst, src []int16, pos, step uint64) {
	if len(dst) == 0 {
		return
	}
	first := int(pos>>32) - (k.half - 1)
	last := int((pos+uint64(len(dst)-1)*step)>>32) + k.half
	if first < 0 || last >= len(src) {
		panic(fmt.Sprintf("resample: positions need samples %d to %d, given 0 to %d", first, last, len(src)-1))
	}
	if step == 1<<32 && k.in == k.out && k.phase(pos) == 0 {
		copy(dst, src[pos>>32:])
		return
	}
	k.interpolate(dst, src[first:last+1], pos-uint64(k.half-1)<<32-uint64(first)<<32, step)
}

// phase returns the row nearest to the position's fraction.
func (k *Kernel) phase(pos uint64) uint64 {
	return (uint64(uint32(pos))*k.phases + 1<<31) >> 32
}

// portable computes the dot products; tap 0 of position 0 is src[0].
func (k *Kernel) portable(dst, src []int16, pos, step uint64) {
	taps := 2 * k.half
	for i := range dst {
		row := k.rows[int(k.phase(pos))*taps:][:taps]
		dst[i] = round(dot(row, src[pos>>32:][:taps]))
		pos += step
	}
}

// round takes a sum of products back to a sample.
func round(sum int32) int16 {
	return int16(min(max((sum+unity/2)>>unityLog, math.MinInt16), math.MaxInt16))
}

// dot is the dot product of two slices of one length, a multiple of 8.
func dot(a, b []int16) int32 {
	var s0, s1, s2, s3 int32
	for len(a) >= 8 && len(b) >= 8 {
		s0 += int32(a[0])*int32(b[0]) + int32(a[4])*int32(b[4])
		s1 += int32(a[1])*int32(b[1]) + int32(a[5])*int32(b[5])
		s2 += int32(a[2])*int32(b[2]) + int32(a[6])*int32(b[6])
		s3 += int32(a[3])*int32(b[3]) + int32(a[7])*int32(b[7])
		a, b = a[8:], b[8:]
	}
	return s0 + s1 + s2 + s3
}
