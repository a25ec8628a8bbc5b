package signal

import (
	"math"
	"time"
)

// ramp is how long sound rises and falls, and passes from one piece to the next.
const ramp = 10 * time.Millisecond

// Render returns what a talker says in a cycle, mono, at rate samples per second, 8000 to
// 48000. Sample n is said n/rate seconds after the cycle began. The cycle begins and ends in
// silence; an encoder with a memory codes it twice, and the second time is what is repeated.
func (r *Room) Render(talker, rate int) []int16 {
	c := canvas{sum: make([]float64, int(r.options.Cycle.Seconds()*float64(rate)+0.5)), rate: float64(rate)}
	for i := range r.plans[talker] {
		c.spurt(&r.plans[talker][i])
	}
	pcm := make([]int16, len(c.sum))
	for i, x := range c.sum {
		pcm[i] = int16(math.Round(x * r.amplitude))
	}
	return pcm
}

// canvas is what sound is drawn on. Times are in seconds.
type canvas struct {
	sum  []float64
	rate float64
}

func (c *canvas) spurt(s *Spurt) {
	if s.Marked {
		c.piece(s, s.Start, s.Start+chirpTime, chirp)
	}
	for i := range s.tones {
		t := &s.tones[i]
		turn := frequency(int(t.place))
		c.piece(s, t.from, t.to, func(at float64) float64 { return t.phase + turn*at })
	}
}

// piece draws a part of a spurt. Neighbouring pieces have their ramps in common, half
// inside and half outside; at the ends of the spurt they are inside.
func (c *canvas) piece(s *Spurt, from, to time.Duration, turns func(at float64) float64) {
	rise, fall := from-ramp/2, to-ramp/2
	if from == s.Start {
		rise = from
	}
	if to == s.End() {
		fall = to - ramp
	}
	first := int(math.Ceil(rise.Seconds() * c.rate))
	for n := first; n < min(len(c.sum), int((fall+ramp).Seconds()*c.rate)); n++ {
		t := float64(n) / c.rate
		gain := slope(t-rise.Seconds()) * (1 - slope(t-fall.Seconds()))
		c.sum[n] += gain * math.Sin(2*math.Pi*turns(t-from.Seconds()))
	}
}

// slope rises from 0 to 1 within a ramp.
func slope(t float64) float64 {
	x := min(max(t/ramp.Seconds(), 0), 1)
	return 0.5 - 0.5*math.Cos(math.Pi*x)
}

// chirp is the phase of the chirp, in turns, at a time after its begin.
func chirp(at float64) float64 {
	return at * (chirpLow + (chirpHigh-chirpLow)*at/2/chirpTime.Seconds())
}
