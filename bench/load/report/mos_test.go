package report

import (
	"math"
	"testing"
	"time"

	"github.com/confd/confd/media"
)

// What G.107 gives for its defaults, and what its equation 7-30 makes of loss with the
// factors of G.113.
func TestLineRates(t *testing.T) {
	for _, c := range []struct {
		name string
		line Line
		want float64
	}{
		{"G.711", Line{Codec: media.PCMU}, 93.2},
		{"G.711 A", Line{Codec: media.PCMA}, 93.2},
		{"1 %", Line{Codec: media.PCMU, LossPercent: 1, BurstRatio: 1}, 93.2 - 95.0/26.1},
		{"5 %", Line{Codec: media.PCMA, LossPercent: 5, BurstRatio: 1}, 93.2 - 95*5/30.1},
		{"5 %, in pairs", Line{Codec: media.PCMU, LossPercent: 5, BurstRatio: 2}, 93.2 - 95*5/27.6},
		{"burst ratio not known", Line{Codec: media.PCMU, LossPercent: 5}, 93.2 - 95*5/30.1},
		{"L16, 1 %", Line{Codec: media.L16, LossPercent: 1}, 93.2 - 95.0/5.3},
		{"Opus, 5 %", Line{Codec: media.Opus, LossPercent: 5}, 93.2 - 95*5/30.1},
		{"all lost", Line{Codec: media.PCMU, LossPercent: 100}, 93.2 - 95*100/125.1},
	} {
		if r := c.line.EModel().R(); math.Abs(r-c.want) > 0.3 { // the look-ahead is a delay, too
			t.Errorf("%s: R = %.2f, want %.2f", c.name, r, c.want)
		}
	}
	if s := (Line{Codec: media.PCMU}).MOS(); math.Abs(s-4.41) > 0.005 {
		t.Errorf("MOS = %.3f for the default values, want 4.41", s)
	}
}

// Phones add two packet times and the look-ahead.
func TestLineDelay(t *testing.T) {
	l := Line{Codec: media.Opus, PacketTime: 20 * time.Millisecond, Delay: 30 * time.Millisecond}
	if m, want := l.EModel(), 76500*time.Microsecond; m.Delay != want || m.TalkerDelay != want || m.RoundTrip != 2*want {
		t.Errorf("delays %v, %v, %v, want %v and twice that", m.Delay, m.TalkerDelay, m.RoundTrip, want)
	}
	near, far := l.MOS(), Line{Codec: media.Opus, PacketTime: l.PacketTime, Delay: 400 * time.Millisecond}.MOS()
	if far > near-0.5 {
		t.Errorf("MOS %.2f after %v and %.2f after 400 ms", near, l.Delay, far)
	}
}

// Figures without sense make no score without sense.
func TestLineOfNonsense(t *testing.T) {
	for _, l := range []Line{{}, {LossPercent: -1, BurstRatio: -1, Delay: -time.Hour}, {LossPercent: 1e9, BurstRatio: 1e9, Delay: time.Hour}} {
		for c := media.NoCodec; c <= media.L16; c++ {
			l.Codec = c
			if s := l.MOS(); !(s >= 1 && s <= 4.5) {
				t.Errorf("%+v scores %v", l, s)
			}
		}
	}
}
