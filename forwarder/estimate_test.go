package forwarder

import (
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/transport"
)

// A source of one layer, here of 600 kbit/s, is asked for what three of four can take; a
// single slow receiver loses pictures of its own, and nobody else any.
func TestSourceIsLimited(t *testing.T) {
	for slow, want := range map[int]uint64{0: 0, 1: 0, 2: 300_000, 4: 300_000} {
		b := newBed(t, Config{})
		source := b.join(both(), pictures.Config{})
		var all []*phone
		for range 4 {
			all = append(all, b.viewer())
		}
		b.shows(source, all...)
		for range 10 {
			for _, p := range all[:slow] {
				p.say(transport.Feedback{Kind: transport.FeedbackREMB, Bitrate: 300_000})
			}
			b.run(time.Second)
		}
		var last uint64
		if n := len(source.limits); n > 0 {
			last = source.limits[n-1]
		}
		if last != want || source.line.Stats().Ingress.Limit != want {
			t.Errorf("%d slow ones of four: asked for %d (%v), want %d", slow, last, source.limits, want)
		}
		for i, p := range all {
			seen := len(p.check())
			if s := p.line.Stats().Egress.Subscription; i < slow && (s.Estimate != 300_000 || s.Dropped.Slow == 0 || seen < 50) {
				t.Errorf("slow phone %d saw %d pictures: %+v", i, seen, s)
			} else if i >= slow && seen < 245 {
				t.Errorf("phone %d saw %d pictures of 250", i, seen)
			}
		}
		for _, p := range all[:slow] {
			p.say(transport.Feedback{Kind: transport.FeedbackREMB, Bitrate: 40_000_000})
			b.conf.Show(p.line, nil)
		}
		b.run(2 * time.Minute)
		if n := len(source.limits); want > 0 && source.limits[n-1] != 0 {
			t.Errorf("once nobody is slow: asked for %v, want it to end with 0", source.limits)
		}
	}
}

// What control lays down is asked for, also while nobody looks, and it bounds what is sent.
func TestLimitsOfControl(t *testing.T) {
	b := newBed(t, Config{})
	c := both()
	c.SourceLimit = 400_000
	source := b.join(c, pictures.Config{})
	b.run(2 * time.Second)
	if n := len(source.limits); n == 0 || source.limits[n-1] != 400_000 {
		t.Errorf("asked for %v, want 400000", source.limits)
	}
	c = both()
	c.MaxBitrate = 200_000
	p := b.join(c, pictures.Config{})
	p.stop()
	b.shows(source, p)
	b.run(20 * time.Second)
	p.check()
	s := p.line.Stats().Egress.Subscription
	if bits := s.Bytes * 8 / 20; bits > 220_000 || bits < 50_000 || s.Estimate != 200_000 {
		t.Errorf("%d bit/s with a bound of 200000, estimate %d", bits, s.Estimate)
	}
}

// Until a peer says anything about its path, that is not bounded.
func TestNothingIsKnownOfThePath(t *testing.T) {
	b := newBed(t, Config{})
	source, p := b.join(both(), pictures.Config{Bytes: 60_000, KeyBytes: 60_000}), b.viewer()
	b.shows(source, p)
	b.run(5 * time.Second)
	if s := p.line.Stats().Egress.Subscription; s.Dropped.Slow > 0 || len(p.check()) < 120 {
		t.Errorf("of a source of 12 Mbit/s %d pictures were dropped: %+v", s.Dropped.Slow, s)
	}
	for range 10 { // reports without loss: what is sent shows what the path bears
		p.say(transport.Feedback{Kind: transport.FeedbackReport, RoundTrip: 20 * time.Millisecond})
		b.run(time.Second)
	}
	s := p.line.Stats()
	if l := p.line; l.roundTrip != 20*time.Millisecond || s.Ingress.RoundTrip != l.roundTrip {
		t.Errorf("a round trip of %v, want 20 ms", l.roundTrip)
	}
	if bits := s.Egress.Subscription.Estimate; bits < 6_000_000 {
		t.Errorf("the estimate is %d after ten reports without loss of some 5 Mbit/s", bits)
	}
}

// Who takes little is no reason to ask a source for less, if it can be sent less by itself: it is
// in low mode, or the source has layers or encodings to choose from.
func TestWhoseSourceIsNotLimited(t *testing.T) {
	for name, c := range map[string]struct {
		low       bool
		layers    int
		encodings int
		limited   bool
	}{
		"one layer":      {limited: true},
		"low mode":       {low: true},
		"layers":         {layers: 3},
		"more encodings": {encodings: 2},
	} {
		b := newBed(t, Config{})
		sends, sees := both(), both()
		sends.Encodings, sees.Low = c.encodings, c.low
		source := b.join(sends, pictures.Config{Temporal: c.layers})
		var all []*phone
		for range 3 {
			p := b.join(sees, pictures.Config{})
			p.stop()
			all = append(all, p)
		}
		b.shows(source, all...)
		for range 5 {
			for _, p := range all {
				p.say(transport.Feedback{Kind: transport.FeedbackREMB, Bitrate: 300_000})
			}
			b.run(time.Second)
		}
		if limited := len(source.limits) > 0; limited != c.limited {
			t.Errorf("%s: asked for %v", name, source.limits)
		}
	}
}
