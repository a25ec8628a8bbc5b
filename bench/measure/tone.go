//go:build linux

package measure

import "math"

// Tone returns the amplitude, in sample units, of the sine of frequency Hz in pcm, through
// a Hann window.
func Tone(pcm []int16, rate, frequency int) float64 {
	var re, im, weight float64
	turn := 2 * math.Pi / float64(len(pcm))
	step := 2 * math.Pi * float64(frequency) / float64(rate)
	for i, x := range pcm {
		w := 1 - math.Cos(turn*float64(i))
		re += w * float64(x) * math.Cos(step*float64(i))
		im += w * float64(x) * math.Sin(step*float64(i))
		weight += w
	}
	if weight == 0 {
		return 0
	}
	return 2 * math.Hypot(re, im) / weight
}
