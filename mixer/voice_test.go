package mixer

import (
	"testing"
	"time"

	"github.com/confd/confd/media"
)

// A voice that is lent in mid-stream holds what one that listened all the time holds, up to
// the longest packets.
func TestVoiceIsWarm(t *testing.T) {
	for _, c := range []struct {
		codec media.Codec
		ms    time.Duration
		off   int // by this at most
	}{{media.Opus, 60, 1500}, {media.Opus, 120, 1500}, {media.G722, 10, 60}, {media.G722, 20, 60}, {media.G722, 60, 60}} {
		b := newBed(t, Config{})
		p := b.phone(format(t, c.codec, 48000, c.ms*time.Millisecond), -20, 440, network{phase: 5e6}).join()
		b.phone(format(t, media.L16, 48000, 10*time.Millisecond), -20, 0, network{}).join()
		b.run(1060 * time.Millisecond)
		lent, kept := newVoice(), p.in.voice
		lent.warm(&p.in.play, warmPackets, false)
		n := int(p.in.play.ahead >> 32)
		if c.codec == media.G722 && c.ms < 60 {
			n = 160 // nothing waits; what was played last
		}
		if n < 160 {
			t.Fatalf("%d samples ahead; the test needs some", n)
		}
		have, want := lent.pcm[lent.end-n:lent.end], kept.pcm[kept.end-n:kept.end]
		for i := range have {
			if d := int(have[i]) - int(want[i]); d > c.off || d < -c.off {
				t.Fatalf("%v of %d ms: sample %d of %d is off by %d", c.codec, c.ms, i, n, d)
			}
		}
	}
}

// A voice is as large as its sound asks for, takes any, and grows no more.
func TestVoiceFits(t *testing.T) {
	v := newVoice()
	for _, c := range []struct{ rate, want int }{
		{8000, voiceHistory + 8*voiceSpan}, {16000, voiceHistory + 16*voiceSpan},
		{48000, voiceSize}, {8000, voiceSize},
	} {
		v.pcm[voiceHistory-1] = 7
		if v.fit(c.rate); len(v.pcm) != c.want || v.pcm[voiceHistory-1] != 7 {
			t.Errorf("at %d Hz a voice holds %d samples, the last of its history %d; want %d and 7", c.rate, len(v.pcm), v.pcm[voiceHistory-1], c.want)
		}
	}
	if n := voiceHistory + 8*voiceSpan; n < voiceHistory+8*int(maxDelay/1e6)+8*120 {
		t.Errorf("%d samples hold no longest packet behind the longest wait", n)
	}
}
