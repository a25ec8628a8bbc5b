package mixer

import (
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/media"
)

// Whose input is taken away while it talks hears nothing of where its own sound stood.
func TestOwnSoundIsNotInWhatItLeavesBehind(t *testing.T) {
	for _, f := range []media.Format{narrow(t), format(t, media.G722, 16000, 20*time.Millisecond)} {
		b := newBed(t, Config{})
		p := b.phone(f, -10, 440, network{phase: 5e6}).join()
		l := b.phone(f, -10, 0, network{}).join()
		for i := range 10 {
			b.run(time.Second)
			expect(t, l, []float64{440}, nil)
			b.conf.Apply(RemoveInput(p.in))
			b.tick()
			if r := tone.RMS(p.out.class.coded); r > -120 {
				t.Fatalf("%v: own sound at %.1f dB in front of the encoder", f, r)
			}
			b.run(40 * time.Millisecond)
			b.conf.Apply(AddInput(p.in))
			b.run(time.Duration(i) * 20 * time.Millisecond)
		}
	}
}

// However many kinds of encoder peers ask for, and whoever of them talks, their number
// stays bounded.
func TestClassesAreBoundedWhoeverTalks(t *testing.T) {
	b := newBed(t, Config{MaxClasses: 2, Talkers: 2})
	phones := make([]*testPhone, 8)
	for i := range phones {
		f := format(t, media.Opus, 48000, 20*time.Millisecond)
		f.Opus.Bitrate = 16000 + 1000*i
		phones[i] = b.phone(f, -20, 440, network{phase: 5e6})
		phones[i].mute = true
		phones[i].join()
	}
	b.run(time.Second)
	for _, p := range phones {
		p.mute = false
		b.run(400 * time.Millisecond)
		if p.in.talking == 0 {
			t.Fatal("not a talker; the test needs one that is")
		}
		p.mute = true
		b.run(time.Second)
	}
	b.run(2 * time.Second)
	if n := len(b.conf.classes); n > 2 {
		t.Errorf("%d classes, want 2 at most", n)
	}
	for i, p := range phones {
		if p.breaks > 0 || p.out.class == nil {
			t.Errorf("phone %d: %d breaks, class %v", i, p.breaks, p.out.class)
		}
	}
}

// Where others go on speaking, a class that had left its talker out waits for a pause: an
// Opus decoder would hear the change. Only so many wait.
func TestReturningClassWaitsForAPause(t *testing.T) {
	b := newBed(t, Config{MaxPersonal: 2})
	f := format(t, media.Opus, 48000, 20*time.Millisecond)
	speaker := b.phone(narrow(t), -20, 440, network{phase: 3e6}).join()
	b.phone(f, -20, 0, network{phase: 5e6}).join()
	var were []*testPhone
	for _, hz := range []float64{700, 900, 1100, 1300} {
		were = append(were, b.phone(f, -30, hz, network{phase: 7e6}).join())
	}
	b.run(time.Second)
	own := were[3].out.class
	for _, p := range were {
		p.mute = true
		b.run(200 * time.Millisecond)
	}
	b.run(3 * time.Second)
	if n := len(b.conf.back); n != 2 {
		t.Errorf("%d classes wait, want 2", n)
	}
	if were[3].out.class != own || !own.returning {
		t.Error("a class went back while another spoke")
	}
	speaker.mute = true
	b.run(3 * time.Second)
	if n := len(b.conf.back); n != 0 || were[3].out.class == own {
		t.Errorf("%d classes wait still in a pause", n)
	}
}
