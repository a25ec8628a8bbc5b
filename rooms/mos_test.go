package rooms

import (
	"math"
	"testing"
	"time"

	"github.com/confd/confd/media"
)

// What the recommendation itself says: 93.2 for its default values (G.107 section 7.1), and
// the points of annex B.
func TestEModelDefaults(t *testing.T) {
	m := DefaultEModel()
	if r := m.R(); math.Abs(r-93.2) > 0.05 {
		t.Errorf("R = %.3f for the default values, want 93.2", r)
	}
	if s := m.MOS(); math.Abs(s-4.41) > 0.005 {
		t.Errorf("MOS = %.3f for the default values, want 4.41", s)
	}
	for r, want := range map[float64]float64{-1: 1, 0: 1, 50: 2.58, 60: 3.10, 70: 3.60, 80: 4.03, 90: 4.34, 100: 4.5, 120: 4.5} {
		if s := mosOf(r); math.Abs(s-want) > 0.01 {
			t.Errorf("MOS of R = %v is %.3f, want %v", r, s, want)
		}
	}
}

// A circuit that is remembered is the one that its values make.
func TestEModelCircuit(t *testing.T) {
	for name, change := range map[string]func(*EModel){
		"none": func(*EModel) {}, "SLR": func(m *EModel) { m.SLR++ }, "RLR": func(m *EModel) { m.RLR++ },
		"noise": func(m *EModel) { m.Noise += 20 }, "quantising": func(m *EModel) { m.Quantising++ },
	} {
		m := DefaultEModel()
		if change(&m); m.circuit() != m.reckon() {
			t.Errorf("%s changes: the circuit is %+v, want %+v", name, m.circuit(), m.reckon())
		}
	}
}

func BenchmarkEModel(b *testing.B) {
	m := DefaultEModel()
	m.Delay, m.TalkerDelay, m.RoundTrip, m.Loss = 50*time.Millisecond, 50*time.Millisecond, 100*time.Millisecond, 1
	for b.Loop() {
		_ = m.MOS()
	}
}

// Loss as G.113 appendix I has it: G.711 without concealment has Ie 0 and Bpl 4.3, with it
// 25.1; G.729A has 11 and 19.
func TestEModelLoss(t *testing.T) {
	for _, c := range []struct {
		ie, bpl, loss, burst, want float64
	}{
		{0, 4.3, 0, 1, 93.2},
		{0, 4.3, 1, 1, 93.2 - 95.0/5.3},
		{0, 25.1, 1, 1, 93.2 - 95.0/26.1},
		{0, 25.1, 5, 1, 93.2 - 95*5/30.1},
		{0, 25.1, 5, 2, 93.2 - 95*5/27.6},
		{11, 19, 0, 1, 82.2},
		{11, 19, 2, 1, 82.2 - 84*2/21.0},
		{0, 4.3, 100, 1, 2.1},
	} {
		m := DefaultEModel()
		m.Equipment, m.Robustness, m.Loss, m.Burstiness = c.ie, c.bpl, c.loss, c.burst
		if r := m.R(); math.Abs(r-c.want) > 0.1 {
			t.Errorf("Ie %v, Bpl %v, loss %v %%, burst ratio %v: R = %.2f, want %.2f", c.ie, c.bpl, c.loss, c.burst, r, c.want)
		}
	}
}

// Delay with good echo control costs nothing to speak of up to 150 ms, and satisfies few at
// 400 ms (G.114 figure 1); echo that is poorly controlled makes it worse.
func TestEModelDelay(t *testing.T) {
	at := func(d time.Duration, telr float64) float64 {
		m := DefaultEModel()
		m.Delay, m.TalkerDelay, m.RoundTrip, m.TELR = d, d, 2*d, telr
		return m.R()
	}
	for _, c := range []struct {
		ms        int
		low, high float64
	}{{1, 92, 93.5}, {100, 90, 93}, {150, 88, 92}, {200, 84, 90}, {300, 72, 82}, {400, 60, 73}, {500, 52, 66}} {
		if r := at(time.Duration(c.ms)*time.Millisecond, 65); r < c.low || r > c.high {
			t.Errorf("after %d ms R = %.1f, want %v to %v", c.ms, r, c.low, c.high)
		}
	}
	last := 101.0
	for d := time.Duration(0); d < 2*time.Second; d += 10 * time.Millisecond {
		r := at(d, 65)
		if r > last+1e-9 || r < 0 || math.IsNaN(r) {
			t.Fatalf("after %v R = %v, and %v before", d, r, last)
		}
		last = r
	}
	if good, bad := at(100*time.Millisecond, 65), at(100*time.Millisecond, 45); bad > good-10 {
		t.Errorf("R = %.1f with little echo and %.1f with much", good, bad)
	}
}

// Figures without sense make no rating without sense.
func TestRatingOfFigures(t *testing.T) {
	for _, s := range []ParticipantStats{
		{}, {Loss: 1}, {Leg: LegQuality{RoundTrip: time.Hour}}, {Leg: LegQuality{RoundTrip: -time.Hour, Lost: -5}},
	} {
		for c := media.NoCodec; c <= media.L16; c++ {
			s.Input.Codec = c
			if m := s.rating().MOS(); !(m >= 1 && m <= 4.5) {
				t.Errorf("%+v rates %v", s, m)
			}
		}
	}
}
