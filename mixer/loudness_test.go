package mixer

import (
	"math"
	"testing"
	"time"

	"github.com/confd/confd/media"
)

// How fast loudness falls does not depend on how sound is cut into packets.
func TestLoudnessOfAnyPacketTime(t *testing.T) {
	for _, ms := range []float64{2.5, 5, 20, 60, 120} {
		b := newBed(t, Config{})
		f := format(t, media.PCMU, 8000, time.Duration(ms*1e6))
		p := b.phone(f, -20, 440, network{phase: 3e6}).join()
		b.phone(narrow(t), -20, 0, network{}).join()
		b.run(time.Second)
		p.mute = true
		b.run(480 * time.Millisecond)
		if p.in.loud < -42 || p.in.loud > -35 { // -23 less half a second at 35 dB/s
			t.Errorf("%v ms: loudness %.1f half a second after the tone", ms, p.in.loud)
		}
	}
}

// A gain that is none does not make an input deaf to its own level for good.
func TestLoudnessUnderAnyGain(t *testing.T) {
	for _, gain := range []float32{-1, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		b := newBed(t, Config{})
		p := b.phone(narrow(t), -20, 440, network{phase: 3e6}).join()
		b.phone(narrow(t), -20, 0, network{}).join()
		cfg := p.in.cfg
		cfg.Gain = gain
		b.conf.Apply(Configure(p.in, cfg))
		b.run(time.Second)
		p.mute = true
		b.run(5 * time.Second)
		if p.in.loud > -60 || p.in.loud != p.in.loud {
			t.Errorf("gain %v: loudness %v in silence", gain, p.in.loud)
		}
	}
}
