package signal

import "math"

const chirpLength = int(chirpTime * earRate / 1e9) // samples

// matcher finds the chirp in sound.
type matcher struct {
	template [chirpLength]complex64
	unit     float32 // response to a chirp of amplitude 1
}

func newMatcher() *matcher {
	m := &matcher{}
	for i := range m.template {
		t := float64(i) / earRate
		gain := slope(t) * (1 - slope(t-(chirpTime-ramp/2).Seconds()))
		sin, cos := math.Sincos(2 * math.Pi * chirp(t))
		m.template[i] = complex(float32(gain*cos), float32(gain*sin))
		m.unit += float32(gain * gain / 2)
	}
	return m
}

const (
	chirpReach = 160 // samples to each side of where the tones say that it is
	chirpStep  = 6   // samples, well within the main lobe
	// A chirp has that much of its strength, and stands out that far from the mean around.
	chirpLeast = float32(0.25)
	chirpClear = float32(3)
)

// heardChirp is what was found of a chirp.
type heardChirp struct {
	ok       bool
	lost     bool    // packets are missing where it should be
	at       float64 // position of its begin
	arrival  int64
	strength float32 // 1 if it is whole, 0 if there is none
}

// findChirp looks for a spurt's chirp where its tones say that it should be.
func (e *Ear) findChirp(v *verdict) (c heardChirp) {
	middle := int64(e.clock.sample(v.begin + int64(v.s.Start) + v.delay))
	if e.missing(middle-chirpReach, middle+chirpReach+int64(chirpLength)) {
		return heardChirp{lost: true}
	}
	var sum, most float32
	n, at := 0, middle
	for p := middle - chirpReach; p <= middle+chirpReach; p += chirpStep {
		r := e.chirper.response(&e.sound, p)
		sum += r
		n++
		if r > most {
			most, at = r, p
		}
	}
	c.at, most = e.chirper.refine(&e.sound, at)
	if mean := sum / float32(n); most < chirpClear*mean || most < chirpLeast*float32(e.room.amplitude) {
		return heardChirp{}
	}
	c.strength = most / float32(e.room.amplitude)
	// Asked for a sample in the middle of its packet, be that of 10 ms, no rounding takes a
	// chirp that begins with a packet for the end of the one before.
	const into = 5e6 // ns
	c.arrival, c.ok = e.clock.arrived(c.at + into/sampleTime)
	c.arrival -= into
	return c
}

// response is the amplitude of a chirp that begins at a position.
func (m *matcher) response(r *recording, at int64) float32 {
	var re, im float32
	for i, w := range &m.template {
		x := float32(r.ring[uint64(at+int64(i))%recorded])
		re += x * real(w)
		im += x * imag(w)
	}
	return float32(math.Hypot(float64(re), float64(im))) / m.unit
}

// refine returns the position near one at which the response is greatest, between samples.
func (m *matcher) refine(r *recording, near int64) (at float64, response float32) {
	var y [2*chirpStep + 3]float32
	top := 1
	for i := range y {
		y[i] = m.response(r, near-chirpStep-1+int64(i))
		if i < len(y)-1 && y[i] > y[top] {
			top = i
		}
	}
	top = max(top, 1)
	a, b, c := float64(y[top-1]), float64(y[top]), float64(y[top+1])
	shift := 0.0
	if d := a - 2*b + c; d < 0 {
		shift = (a - c) / (2 * d)
	}
	return float64(near-chirpStep-1+int64(top)) + shift, y[top]
}

// missing tells whether packets were missing between two positions.
func (e *Ear) missing(from, to int64) bool {
	first, last := int64(math.Floor(float64(from)/hop))-3, to/hop
	for j := first; j <= last; j++ {
		if j <= e.newest-columns || j > e.newest || e.column(j).lost {
			return true
		}
	}
	return false
}
