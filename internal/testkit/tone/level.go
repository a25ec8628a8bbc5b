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
	n := len(samples)
	if n < 2 {
		return Floor
	}
	var re, im, sum float64
	w := 2 * math.Pi * freq / float64(rate)
	for i, s := range samples {
		h := blackmanHarris(i, n)
		sin, cos := math.Sincos(w * float64(i))
		re += h * float64(s) * cos
		im -= h * float64(s) * sin
		sum += h
	}
	return decibels(2 * math.Hypot(re, im) / sum / fullScale)
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
	for _, f := range e.Present {
		l := Level(samples, rate, f)
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
		if l := Level(samples, rate, f); l > limit {
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
