package mixer

import (
	"testing"
	"time"

	"github.com/confd/confd/media"
)

// A voice that is lent in mid-stream holds what one that listened all the time holds, up to
// the longest packets.
func TestVoiceIsWarm(t *testing.T) {
	for _, ms := range []time.Duration{60, 120} {
		b := newBed(t, Config{})
		p := b.phone(format(t, media.Opus, 48000, ms*time.Millisecond), -20, 440, network{phase: 5e6}).join()
		b.phone(format(t, media.L16, 48000, 10*time.Millisecond), -20, 0, network{}).join()
		b.run(1060 * time.Millisecond)
		lent, kept := newVoice(), p.in.voice
		lent.warm(&p.in.play, warmPackets, false)
		n := int(p.in.play.ahead >> 32)
		if n < 480 {
			t.Fatalf("%d samples ahead; the test needs some", n)
		}
		have, want := lent.pcm[lent.end-n:lent.end], kept.pcm[kept.end-n:kept.end]
		for i := range have {
			if d := int(have[i]) - int(want[i]); d > 1500 || d < -1500 {
				t.Fatalf("%d ms: sample %d of %d is off by %d", ms, i, n, d)
			}
		}
	}
}
