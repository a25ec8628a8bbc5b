package tone

import (
	"math"
	"time"
)

// fullScale is the amplitude of a sine at 0 dB.
const fullScale = 32767

// Generator yields the sum of some sines, each phase-continuous however it is read.
type Generator struct {
	rate     float64
	partials []partial
}

type partial struct {
	step, phase float64 // radians
	amplitude   float64
}

// New returns a generator at rate samples a second of the sines freqs (Hz, below rate/2),
// each at level dB. Without freqs it yields silence.
func New(rate int, level float64, freqs ...float64) *Generator {
	g := &Generator{rate: float64(rate)}
	for _, f := range freqs {
		g.Add(level, f)
	}
	return g
}

// Add puts another sine of freq Hz at level dB into the sum.
func (g *Generator) Add(level, freq float64) {
	g.partials = append(g.partials, partial{
		step:      2 * math.Pi * freq / g.rate,
		amplitude: fullScale * amplitude(level),
	})
}

// Read fills pcm with what comes next, rounded, and limited to full scale.
func (g *Generator) Read(pcm []int16) {
	for i := range pcm {
		sum := 0.0
		for j := range g.partials {
			p := &g.partials[j]
			sum += p.amplitude * math.Sin(p.phase)
			p.phase += p.step
			if p.phase > 2*math.Pi {
				p.phase -= 2 * math.Pi
			}
		}
		pcm[i] = clip(sum)
	}
}

// Make returns d of the sines freqs, each at level dB.
func Make(rate int, d time.Duration, level float64, freqs ...float64) []int16 {
	pcm := make([]int16, int(int64(d)*int64(rate)/int64(time.Second)))
	New(rate, level, freqs...).Read(pcm)
	return pcm
}

// Spread returns n frequencies in Hz for a sound band of up to 3.4 kHz, far enough apart
// to be told apart in half a second and chosen so that no small sum or difference of
// two of them hits a third. n is at most 16.
func Spread(n int) []float64 {
	all := []float64{
		860, 2641, 568, 1354, 2339, 2151, 2978, 1864,
		1169, 426, 2798, 318, 728, 3082, 1524, 2003,
	}
	return all[:n:n]
}

func amplitude(level float64) float64 { return math.Pow(10, level/20) }

func clip(v float64) int16 {
	return int16(math.Round(math.Max(math.MinInt16, math.Min(math.MaxInt16, v))))
}
