package mixer

import (
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/media"
)

// steps runs a change under a listener and compares the largest sample step around it with
// that of the stream when nothing changed.
func steps(t *testing.T, b *bed, l *testPhone, name string, change func()) {
	t.Helper()
	b.run(time.Second)
	before, _ := tone.MaxStep(l.tail(500 * time.Millisecond))
	change()
	b.run(time.Second)
	around, at := tone.MaxStep(l.tail(time.Second + 20*time.Millisecond))
	b.run(time.Second)
	after, _ := tone.MaxStep(l.tail(500 * time.Millisecond))
	if limit := max(before, after) * 3 / 2; around > limit {
		t.Errorf("%s: step of %d at sample %d, unchanged streams have %d before and %d after", name, around, at, before, after)
	}
}

// Talkers coming and going, mute, classes and rates change without a click.
func TestChangesMakeNoClick(t *testing.T) {
	formats := []media.Format{
		format(t, media.L16, 8000, 20*time.Millisecond),
		format(t, media.PCMU, 8000, 20*time.Millisecond),
		format(t, media.L16, 16000, 20*time.Millisecond),
		format(t, media.Opus, 48000, 20*time.Millisecond),
	}
	for _, f := range formats {
		t.Run(f.String(), func(t *testing.T) {
			b := newBed(t, Config{})
			one := b.phone(f, -20, 440, network{phase: 3e6}).join()
			two := b.phone(f, -20, 610, network{phase: 11e6})
			l := b.phone(f, -20, 350, network{phase: 7e6})
			l.mute = true
			l.join()
			steps(t, b, l, "talker in", func() { two.join() })
			steps(t, b, l, "mute", func() {
				cfg := two.in.cfg
				cfg.Muted = true
				b.conf.Apply(Configure(two.in, cfg))
			})
			steps(t, b, l, "unmute", func() {
				cfg := two.in.cfg
				cfg.Muted = false
				b.conf.Apply(Configure(two.in, cfg))
			})
			steps(t, b, l, "listener becomes talker", func() { l.mute = false })
			steps(t, b, l, "talker becomes listener", func() { l.mute = true })
			steps(t, b, l, "talker falls silent", func() { two.mute = true })
			steps(t, b, l, "talker speaks again", func() { two.mute = false })
			steps(t, b, l, "talker leaves", func() { one.leave() })
		})
	}
}

// The room's rate goes from 8 to 48 to 16 kHz under a G.711 and an L16 listener.
func TestRateChangesMakeNoClick(t *testing.T) {
	b := newBed(t, Config{})
	narrow := format(t, media.L16, 8000, 20*time.Millisecond)
	full := format(t, media.L16, 48000, 10*time.Millisecond)
	wide := format(t, media.G722, 16000, 20*time.Millisecond)
	b.phone(narrow, -20, 440, network{phase: 3e6}).join()
	l := b.phone(narrow, -20, 0, network{phase: 7e6}).join()
	g := b.phone(wide, -20, 0, network{phase: 9e6})
	g.join()
	b.run(time.Second)
	a, z := b.phone(full, -60, 0, network{}), b.phone(full, -60, 0, network{})
	steps(t, b, l, "8 to 48 kHz", func() { a.join(); z.join() })
	if b.conf.Rate() != 48000 {
		t.Fatalf("rate %d, want 48000", b.conf.Rate())
	}
	other := b.phone(wide, -60, 0, network{})
	steps(t, b, l, "two leave", func() { a.leave(); z.leave(); other.join() })
	steps(t, b, l, "48 to 16 kHz", func() { b.run(10 * time.Second) })
	if b.conf.Rate() != 16000 {
		t.Fatalf("rate %d, want 16000", b.conf.Rate())
	}
	all, _ := tone.MaxStep(l.heard[2*8000:])
	calm, _ := tone.MaxStep(l.tail(time.Second))
	if all > calm*3/2 {
		t.Errorf("a step of %d somewhere, %d at rest", all, calm)
	}
}
