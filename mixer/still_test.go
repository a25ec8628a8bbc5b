package mixer

import (
	"testing"
	"time"

	"github.com/confd/confd/codec"
	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/media"
)

// What stands for silence decodes to silence of the right length, and sound goes on after
// it without a click.
func TestStillSilence(t *testing.T) {
	for _, ms := range []time.Duration{10, 20, 40, 60} {
		b := newBed(t, Config{})
		f := format(t, media.Opus, 48000, ms*time.Millisecond)
		p := b.phone(narrow(t), -20, 440, network{}).join()
		l := b.phone(f, -20, 0, network{}).join()
		var mixed []int16
		b.after = func() {
			if len(b.conf.classes) > 0 {
				mixed = append(mixed, l.out.class.coded...)
			}
		}
		b.run(time.Second)
		p.mute = true
		b.run(4 * time.Second)
		if r := tone.RMS(l.tail(time.Second)); r > -90 {
			t.Errorf("%d ms: silence at %.1f dB", ms, r)
		}
		if l.breaks > 0 {
			t.Errorf("%d ms: %d breaks", ms, l.breaks)
		}
		if b.conf.classes[0].still.zeros == 0 {
			t.Errorf("%d ms: the class is not still", ms)
		}
		p.mute = false
		b.run(time.Second)
		// Opus overshoots where sound sets in; it must not do so more than without us.
		plain, _ := tone.MaxStep(bare(t, f, mixed)[5*48000:])
		if step, _ := tone.MaxStep(l.tail(time.Second)); step > plain*5/4 {
			t.Errorf("%d ms: a step of %d when sound resumed, a bare codec has %d", ms, step, plain)
		}
		pcm := make([]int16, codec.MaxFrame)
		dec, err := codec.NewDecoder(f)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := dec.Decode(pcm, opusSilence(f.PacketTime)); err != nil || n != f.Samples(f.PacketTime) {
			t.Errorf("%d ms: silence decodes to %d samples, %v", ms, n, err)
		}
	}
}
