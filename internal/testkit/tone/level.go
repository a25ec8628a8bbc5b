package tone

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Floor is the level in dB that stands for "nothing at all".
const Floor = -140.0

// Level returns the level of the sine of freq Hz in samples. It looks through a 4-term
// Blackman-Harris window, so that another tone more than 8/duration Hz away (8 Hz in one
// second) shows up at less than -90 dB of itself.
func Level(samples []int16, rate int, freq float64) float64 {
	w := window(samples)
	return w.level(2 * math.Pi * freq / float64(rate))
}

// Near returns the strongest level in the band of freq Hz by freq*shift to either side: the
// tone's, if it was played a little too fast or too slow.
func Near(samples []int16, rate int, freq, shift float64) float64 {
	w := window(samples)
	return w.near(rate, freq, shift)
}

// windowed is a signal under the window, and the window's sum.
type windowed struct {
	x   []float64
	sum float64
}

func window(samples []int16) windowed {
	w := windowed{x: make([]float64, len(samples))}
	for i, s := range samples {
		h := blackmanHarris(i, len(samples))
		w.x[i] = h * float64(s)
		w.sum += h
	}
	return w
}

// level is the algorithm of Goertzel at a frequency of omega radians a sample.
func (w *windowed) level(omega float64) float64 {
	if len(w.x) < 2 {
		return Floor
	}
	k := 2 * math.Cos(omega)
	var s1, s2 float64
	for _, x := range w.x {
		s1, s2 = x+k*s1-s2, s1
	}
	power := s1*s1 + s2*s2 - k*s1*s2
	return decibels(2 * math.Sqrt(math.Max(0, power)) / w.sum / fullScale)
}

// near steps by half a bin, which the window's main lobe of 8 bins bridges to 0.1 dB.
func (w *windowed) near(rate int, freq, shift float64) float64 {
	best := w.level(2 * math.Pi * freq / float64(rate))
	step := float64(rate) / float64(max(1, len(w.x))) / 2
	for d := step; d <= freq*shift; d += step {
		for _, f := range []float64{freq - d, freq + d} {
			best = math.Max(best, w.level(2*math.Pi*f/float64(rate)))
		}
	}
	return best
}

// Heard returns the level of each of freqs.
func Heard(samples []int16, rate int, freqs ...float64) []float64 {
	levels := make([]float64, len(freqs))
	for i, f := range freqs {
		levels[i] = Level(samples, rate, f)
	}
	return levels
}

// RMS returns the level of the whole signal; a full-scale sine is 0 dB.
func RMS(samples []int16) float64 {
	sum := 0.0
	for _, s := range samples {
		sum += float64(s) * float64(s)
	}
	return decibels(math.Sqrt(2*sum/float64(max(1, len(samples)))) / fullScale)
}

// Envelope returns the level of each full window of samples, one after the other.
// 20 ms is a useful window.
func Envelope(samples []int16, rate int, window time.Duration) []float64 {
	n := int(int64(window) * int64(rate) / int64(time.Second))
	levels := make([]float64, 0, len(samples)/max(1, n))
	for ; n > 0 && len(samples) >= n; samples = samples[n:] {
		levels = append(levels, RMS(samples[:n]))
	}
	return levels
}

// Expect says which tones a recording must and must not hold.
type Expect struct {
	Present []float64 // Hz
	Absent  []float64 // Hz
	// Apart is by how many dB the strongest absent tone must lie under the weakest
	// present one; under AtLeast if Present is empty. 0 means 40.
	Apart float64
	// AtLeast is the least level in dB of a present tone; 0 means -40.
	AtLeast float64
	// Shift is by which share of its frequency a tone may be off, as a server's jitter
	// buffer makes it while it fills or empties. 0.01 is 1 %.
	Shift float64
}

// Check returns an error that names every tone which is missing or out of place.
func Check(samples []int16, rate int, e Expect) error {
	if e.Apart == 0 {
		e.Apart = 40
	}
	if e.AtLeast == 0 {
		e.AtLeast = -40
	}
	var faults []string
	weakest := math.Inf(1)
	w := window(samples)
	for _, f := range e.Present {
		l := w.near(rate, f, e.Shift)
		weakest = math.Min(weakest, l)
		if l < e.AtLeast {
			faults = append(faults, fmt.Sprintf("%g Hz is missing: %.1f dB, want %.1f", f, l, e.AtLeast))
		}
	}
	limit := weakest - e.Apart
	if len(e.Present) == 0 {
		limit = e.AtLeast - e.Apart
	}
	for _, f := range e.Absent {
		if l := w.near(rate, f, e.Shift); l > limit {
			faults = append(faults, fmt.Sprintf("%g Hz is heard: %.1f dB, want under %.1f", f, l, limit))
		}
	}
	if faults == nil {
		return nil
	}
	return fmt.Errorf("in %.2f s at %.1f dB: %s", float64(len(samples))/float64(rate), RMS(samples), strings.Join(faults, "; "))
}

func blackmanHarris(i, n int) float64 {
	x := 2 * math.Pi * (float64(i) + 0.5) / float64(n)
	return 0.35875 - 0.48829*math.Cos(x) + 0.14128*math.Cos(2*x) - 0.01168*math.Cos(3*x)
}

func decibels(amplitude float64) float64 {
	if amplitude <= 0 {
		return Floor
	}
	return math.Max(Floor, 20*math.Log10(amplitude))
}
