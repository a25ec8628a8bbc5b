package forwarder

import (
	"slices"
	"testing"
	"time"

	"github.com/confd/confd/forwarder/payload"
	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/media"
)

// A source starts with its first whole picture, stops after 2 s of nothing, and starts again.
func TestSourceLiveness(t *testing.T) {
	b := newBed(t, Config{})
	p := b.join(both(), pictures.Config{Width: 1280, Height: 720})
	b.run(time.Second)
	p.stop()
	b.run(1900 * time.Millisecond)
	if b.count(SourceStarted, p) != 1 || b.count(SourceStopped, p) != 0 {
		t.Fatalf("events %v", b.events)
	}
	if e := b.events[0]; e.Width != 1280 || e.Height != 720 {
		t.Errorf("%d x %d, want 1280 x 720", e.Width, e.Height)
	}
	b.run(200 * time.Millisecond)
	if b.count(SourceStopped, p) != 1 || p.line.Stats().Ingress.Live {
		t.Errorf("not stopped after 2 s: %v", b.events)
	}
	p.films()
	b.run(time.Second)
	if b.count(SourceStarted, p) != 2 {
		t.Errorf("not started again: %v", b.events)
	}
}

// A key frame of another size is told.
func TestSourceChangesSize(t *testing.T) {
	for _, f := range []media.VideoFormat{vp8, formats[1], formats[2], formats[3], formats[4]} {
		b := newBed(t, Config{})
		c := both()
		c.Format = f
		p := b.join(c, pictures.Config{})
		b.run(time.Second)
		p.cam.Width, p.cam.Height = 320, 180
		p.keyDue = true
		b.run(time.Second)
		if n := b.count(SourceChanged, p); n != 1 {
			t.Errorf("%v: %d changes told, want one", f, n)
			continue
		}
		if s := p.line.Stats().Ingress; s.Width != 320 || s.Height != 180 {
			t.Errorf("%v: %d x %d, want 320 x 180", f, s.Width, s.Height)
		}
	}
}

// Muting stops a source, and unmuting starts it.
func TestMuting(t *testing.T) {
	b := newBed(t, Config{})
	p := b.join(both(), pictures.Config{})
	b.run(time.Second)
	muted := both()
	muted.Muted = true
	b.conf.Configure(p.line, muted, nil)
	b.run(time.Second)
	if b.count(SourceStopped, p) != 1 || p.line.Stats().Ingress.Unwanted == 0 {
		t.Fatalf("events %v, %+v", b.events, p.line.Stats().Ingress)
	}
	b.conf.Configure(p.line, both(), nil)
	b.run(time.Second)
	if b.count(SourceStarted, p) != 2 {
		t.Errorf("events %v", b.events)
	}
}

// Who gets no picture of a source that sends is frozen, and thaws.
func TestFreeze(t *testing.T) {
	b := newBed(t, Config{})
	source, p := b.join(both(), pictures.Config{}), b.viewer()
	b.shows(source, p)
	b.run(time.Second)
	if b.count(Frozen, p) != 0 {
		t.Fatal("frozen from the start")
	}
	source.stubborn = true
	source.lose = func(k *pictures.Packet) bool { return true }
	b.run(100 * time.Millisecond)
	source.line.cfg.NACK = false
	source.last = nil
	source.lose = nil
	b.run(2 * time.Second)
	if b.count(Frozen, p) != 1 {
		t.Fatalf("%d times frozen, want once: %v", b.count(Frozen, p), b.events)
	}
	source.stubborn = false
	b.run(6 * time.Second)
	if b.count(Thawed, p) != 1 || p.line.Stats().Egress.Subscription.Freezes != 1 {
		t.Errorf("%d times thawed, %+v", b.count(Thawed, p), p.line.Stats().Egress.Subscription)
	}
	p.check()
}

// A line for slides has a longer patience, which it is given while it lasts.
func TestSlidesAreNotFrozen(t *testing.T) {
	b := newBed(t, Config{})
	source, p := b.join(both(), pictures.Config{Interval: 90000}), b.viewer()
	source.every = second
	patient := p.line.cfg
	patient.Freeze = 5 * time.Second
	b.conf.Configure(p.line, patient, nil)
	b.shows(source, p)
	b.run(10 * time.Second)
	if b.count(Frozen, p) != 0 || p.line.Stats().Egress.Subscription.Pictures < 8 {
		t.Errorf("%v, %+v", b.events, p.line.Stats().Egress.Subscription)
	}
	usual := patient
	usual.Freeze = 0
	b.conf.Configure(p.line, usual, nil)
	b.run(3 * time.Second)
	if b.count(Frozen, p) == 0 {
		t.Error("a picture a second is frozen for no one")
	}
}

// Who looks at a source that sends no more is not frozen: there is nothing to see.
func TestNoFreezeOfWhoHasStopped(t *testing.T) {
	b := newBed(t, Config{})
	source, p := b.join(both(), pictures.Config{}), b.viewer()
	b.shows(source, p)
	b.run(time.Second)
	source.stop()
	b.run(3 * time.Second)
	if b.count(Frozen, p) != 1 || b.count(Thawed, p) != 1 || b.count(SourceStopped, source) != 1 {
		t.Errorf("events %v", b.events)
	}
}

// A source of three encodings is shown by the one that fits the receiver.
func TestSimulcast(t *testing.T) {
	b := newBed(t, Config{})
	c := both()
	c.Encodings = 3
	source := b.join(c, pictures.Config{Bytes: 600})
	cams := []*pictures.Camera{source.cam}
	for i := uint8(1); i < 3; i++ {
		cams = append(cams, pictures.New(pictures.Config{Codec: media.VP8, Source: source.cam.Source, Encoding: i, SSRC: 100 + uint32(i),
			Width: 640 * uint16(i), Height: 360 * uint16(i), Bytes: 600 << (2 * i), PictureIDBits: 15}))
	}
	source.stop()
	wide, narrow, low := b.viewer(), b.viewer(), b.viewer()
	cfg := both()
	cfg.MaxBitrate = 700_000
	b.conf.Configure(narrow.line, cfg, nil)
	cfg.MaxBitrate, cfg.Low = 0, true
	b.conf.Configure(low.line, cfg, nil)
	b.shows(source, wide, narrow, low)
	for n := range 400 {
		for _, cam := range cams {
			source.send(cam.Next(source.keyDue || n%100 == 0))
		}
		source.keyDue = false
		b.run(40 * time.Millisecond)
	}
	if s, n := source.line.Stats().Ingress, b.count(SourceChanged, source); s.Width != 1280 || s.Height != 720 || n > 1 {
		t.Errorf("%d x %d, want that of the largest encoding, and %d changes told", s.Width, s.Height, n)
	}
	for what, v := range map[string]struct {
		p    *phone
		want uint8
	}{"wide": {wide, 2}, "narrow": {narrow, 1}, "low": {low, 0}} {
		seen := v.p.check()
		if len(seen) == 0 || seen[len(seen)-1].Encoding != v.want {
			t.Errorf("%s saw %d pictures, want the last of encoding %d", what, len(seen), v.want)
		}
	}
}

// What is lost is asked for when the stream says so, not when the next packet comes or the line
// is looked after: here 10 ms after the gap showed, at the end of a picture.
func TestLostPacketsAreAskedForInTime(t *testing.T) {
	b := newBed(t, Config{})
	source, p := b.join(both(), pictures.Config{}), b.viewer()
	b.shows(source, p)
	b.run(time.Second)
	n := 0
	source.lose = func(k *pictures.Packet) bool { n++; return n == 2 } // of three
	b.until(time.Second, "a loss", func() bool { return n >= 3 })
	source.every = 500 * ms
	source.next = b.now + source.every
	lost := b.now
	b.until(time.Second, "a NACK", func() bool { return source.nacks == 1 })
	if took := b.now - lost - source.delay; took > 13*ms {
		t.Errorf("asked for %d ms after the gap showed, want 10", took/ms)
	}
	source.lose = func(*pictures.Packet) bool { return false }
	b.run(time.Second)
	if seen := p.check(); len(seen) < 25 || len(source.asked) != 1 {
		t.Errorf("%d pictures, %d key frames asked for", len(seen), len(source.asked))
	}
}

// A layer that stays broken, which nobody's picture needs, is mended by a key frame in the end.
func TestABrokenLayerIsMended(t *testing.T) {
	b := newBed(t, Config{})
	c := both()
	c.NACK = false
	source, p := b.join(c, pictures.Config{Temporal: 2, Bytes: 3000}), b.viewer()
	b.shows(source, p)
	b.run(time.Second)
	asked, lost := len(source.asked), false
	source.lose = func(k *pictures.Packet) bool {
		var i payload.Info
		if err := payload.Read(media.VP8, k.Payload, nil, &i); err != nil {
			t.Error(err)
		}
		if i.Temporal == 0 {
			return false
		}
		k.Payload = slices.Clone(k.Payload)
		k.Payload[0] &^= 0x20 // N of RFC 7741: each is needed by the next of its layer
		k.Payload[5] &^= 0x20 // Y: nor does the encoder mend it
		first := !lost
		lost = true
		return first
	}
	b.run(900 * time.Millisecond)
	if n := len(source.asked) - asked; !lost || n != 0 {
		t.Errorf("%d key frames asked for at once, want none", n)
	}
	b.run(2 * time.Second)
	if n := len(source.asked) - asked; n != 1 {
		t.Errorf("%d key frames asked for, want one", n)
	}
	p.check()
}
