package mixer

import (
	"fmt"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/media"
)

// A packet that is lost leaves no hole in a steady sound, whether the next one is there in
// time or not.
func TestLossLeavesNoHole(t *testing.T) {
	formats := []media.Format{
		format(t, media.PCMU, 8000, 20*time.Millisecond), format(t, media.G722, 16000, 20*time.Millisecond),
		format(t, media.L16, 16000, 20*time.Millisecond), format(t, media.Opus, 48000, 20*time.Millisecond),
	}
	for _, f := range formats {
		least := -30.0
		if f.Codec == media.Opus {
			least = -45 // libopus fades what it takes for no voice
		}
		for _, jitter := range []time.Duration{0, 30 * time.Millisecond} {
			t.Run(fmt.Sprintf("%v/jitter %v", f, jitter), func(t *testing.T) {
				b := newBed(t, Config{})
				drop := func(n int) bool { return n > 300 && n%40 == 0 }
				p := b.phone(f, -20, 440, network{phase: 4e6, jitter: jitter, pause: drop}).join()
				l := b.phone(narrow(t), 0, 0, network{}).join()
				b.run(12 * time.Second)
				if s := p.in.Stats(); s.Lost < 5 {
					t.Fatalf("%+v; the test needs losses", s)
				}
				for i, level := range tone.Envelope(l.tail(5*time.Second), 8000, 10*time.Millisecond) {
					if level < least {
						t.Fatalf("%.1f dB in window %d, the tone has -20", level, i)
					}
				}
			})
		}
	}
}
