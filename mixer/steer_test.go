package mixer

import (
	"testing"
	"time"

	"github.com/confd/confd/media"
)

// The rate of a running room is fixed at one and at another, and let go again, without a
// click for listeners in any codec.
func TestFixingTheRateMakesNoClick(t *testing.T) {
	for _, f := range []media.Format{
		format(t, media.L16, 8000, 20*time.Millisecond),
		format(t, media.G722, 16000, 20*time.Millisecond),
		format(t, media.Opus, 48000, 20*time.Millisecond),
	} {
		t.Run(f.String(), func(t *testing.T) {
			b := newBed(t, Config{})
			b.phone(format(t, media.L16, 8000, 20*time.Millisecond), -20, 440, network{phase: 3e6}).join()
			l := b.phone(f, -20, 0, network{phase: 7e6}).join()
			b.run(time.Second)
			for _, rate := range []int{48000, 8000, 16000, 48000, 16000, 8000} {
				steps(t, b, l, "fixed rate", func() { b.conf.Apply(SetRate(rate)) })
				if b.conf.Rate() != rate {
					t.Fatalf("rate %d, want %d", b.conf.Rate(), rate)
				}
				expect(t, l, []float64{440}, nil)
			}
			b.conf.Apply(SetRate(48000))
			b.run(time.Second)
			b.conf.Apply(SetRate(0))
			b.run(15 * time.Second)
			if b.conf.Rate() != 8000 {
				t.Errorf("set free among members of 8 kHz, the rate stays %d", b.conf.Rate())
			}
		})
	}
}
