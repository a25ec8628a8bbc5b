package mixer

import (
	"fmt"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/media"
)

// Moves between rooms to and fro, each served before the one that is moved to, leave no gap
// in media time, no step in the sound and no classes behind.
func TestMovesToAndFro(t *testing.T) {
	formats := []media.Format{
		narrow(t), format(t, media.PCMU, 8000, 30*time.Millisecond),
		format(t, media.G722, 16000, 40*time.Millisecond), format(t, media.Opus, 48000, 20*time.Millisecond),
	}
	for _, f := range formats {
		t.Run(fmt.Sprintf("%v of %v", f, f.PacketTime), func(t *testing.T) {
			b := newBed(t, Config{})
			from, to := b.conf, b.eng.NewConference(ConferenceConfig{})
			p := b.phone(f, -20, 440, network{phase: 5e6}).join()
			b.phone(narrow(t), -20, 917, network{phase: 9e6}).join()
			other := b.phone(narrow(t), -20, 1333, network{phase: 2e6})
			l, m := b.phone(narrow(t), -20, 0, network{}).join(), b.phone(narrow(t), -20, 0, network{})
			to.Apply(AddInput(other.in), Attach(other.out, to.full, other.in), AddInput(m.in), Attach(m.out, to.full, m.in))
			run := func(d time.Duration) {
				for range int(d / b.eng.cfg.Period) {
					b.tickAll(from, to)
				}
			}
			run(time.Second)
			for range 30 {
				from.Apply(Move(p.in, []*Output{p.out}, to, to.full))
				run(110 * time.Millisecond)
				from, to = to, from
			}
			run(2 * time.Second)
			expect(t, p, []float64{917}, []float64{440, 1333})
			if p.breaks+l.breaks+m.breaks > 0 {
				t.Errorf("%d breaks for who moves, %d and %d for who stays", p.breaks, l.breaks, m.breaks)
			}
			// A sine of 1333 Hz at -20 dB steps by 3430 at 8 kHz.
			if step, at := tone.MaxStep(p.heard[f.Samples(200*time.Millisecond):]); f == narrow(t) && step > 3430*5/4 {
				t.Errorf("a step of %d at sample %d", step, at)
			}
			p.mute = true
			run(25 * time.Second)
			if n := len(b.conf.classes) + len(to.classes); n > 5 {
				t.Errorf("%d classes left, want 5 at most", n)
			}
		})
	}
}
