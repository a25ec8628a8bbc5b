package signal

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
)

func TestSpectrumIsTheTransform(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	s := newSpectrum()
	var x [window]int16
	for range 3 {
		for i := range x {
			x[i] = int16(random.Uint32())
		}
		s.take(&x)
		for k := 1; k < lines; k++ {
			var want complex128
			for i, v := range x {
				hann := (1 - math.Cos(2*math.Pi*float64(i)/window)) / 2
				want += cmplx.Rect(float64(v)*hann/(window/4), -2*math.Pi*float64(k*i)/window)
			}
			if got := complex128(s.line[k]); cmplx.Abs(got-want) > 0.05 {
				t.Fatalf("line %d is %v, want %v", k, got, want)
			}
			if p := cmplx.Abs(want) * cmplx.Abs(want); math.Abs(float64(s.power[k])-p) > 0.001*p+1 {
				t.Fatalf("power of line %d is %v, want %v", k, s.power[k], p)
			}
		}
	}
}

// A tone of the grid is one of power 1, whatever its phase, and its neighbours' lines are empty.
func TestColumnOfATone(t *testing.T) {
	const amplitude = 2900
	s := newSpectrum()
	for k := range gridSize {
		var c column
		var x [window]int16
		for i := range x {
			x[i] = int16(math.Round(amplitude * math.Cos(2*math.Pi*(frequency(k)*float64(i)/earRate+0.25))))
		}
		s.take(&x)
		c.fill(s, 0, amplitude*amplitude, false)
		if c.tones[k] < 0.99 || c.tones[k] > 1.01 || c.all < 0.99 || c.all > 1.01 || c.turn[k] != 64 {
			t.Errorf("tone %d has a power of %v of %v, phase %d", k, c.tones[k], c.all, c.turn[k])
		}
		for o, p := range c.tones {
			if d := max(o-k, k-o); d == 1 && p > 0.17 || d > 1 && p > 1e-5 {
				t.Errorf("tone %d has a power of %v when %d sounds", o, p, k)
			}
		}
		if c.rough > 1e-6 {
			t.Errorf("tone %d is rough: %v", k, c.rough)
		}
	}
}
