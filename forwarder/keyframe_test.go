package forwarder

import (
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/transport"
)

// A newcomer sees a picture within one round trip and one key frame.
func TestNewcomerSeesAtOnce(t *testing.T) {
	b := newBed(t, Config{})
	source := b.join(both(), pictures.Config{})
	source.delay = 30 * ms
	b.run(3 * time.Second)
	p := b.viewer()
	b.shows(source, p)
	began := b.now
	b.until(time.Second, "a picture", func() bool { return len(p.heard) > 0 })
	// There, the next picture, and back; the phone films every 40 ms.
	if took := b.now - began; took > 2*30*ms+40*ms {
		t.Errorf("the first picture comes after %d ms", took/ms)
	}
}

// Wishes of many become one request; within 300 ms of it there is no other, and there is none
// while a key frame arrives.
func TestWishesAreMerged(t *testing.T) {
	b := newBed(t, Config{})
	source := b.join(both(), pictures.Config{})
	var all []*phone
	for range 20 {
		all = append(all, b.viewer())
	}
	b.run(time.Second)
	for _, p := range all[:10] {
		b.shows(source, p)
		b.step()
	}
	b.run(200 * time.Millisecond)
	if len(source.asked) != 1 {
		t.Fatalf("%d requests for ten newcomers within 10 ms, want one", len(source.asked))
	}
	for _, p := range all[10:] {
		b.shows(source, p)
	}
	b.run(2 * time.Second)
	if len(source.asked) != 2 {
		t.Fatalf("%d requests, want two", len(source.asked))
	}
	if every := source.asked[1] - source.asked[0]; every < 300*ms || every > 302*ms {
		t.Errorf("the second comes %d ms after the first, want 300", every/ms)
	}
	for _, p := range all {
		p.check()
	}
}

// A request that was lost is repeated, after a round trip if that is long.
func TestRequestIsRepeated(t *testing.T) {
	for _, c := range []struct {
		roundTrip time.Duration
		every     int64
	}{{0, 300 * ms}, {1010 * time.Millisecond, 1010 * ms}} {
		b := newBed(t, Config{})
		source, p := b.join(both(), pictures.Config{}), b.viewer()
		source.stubborn = true
		source.say(transport.Feedback{Kind: transport.FeedbackReport, RoundTrip: c.roundTrip})
		b.run(time.Second)
		b.shows(source, p)
		b.until(10*time.Second, "three requests", func() bool { return len(source.asked) == 3 })
		source.stubborn = false
		b.run(3 * time.Second)
		if len(source.asked) > 4 {
			t.Errorf("%d requests, want no more once a key frame came", len(source.asked))
		}
		for i := 1; i < 3; i++ {
			if every := source.asked[i] - source.asked[i-1]; every < c.every || every > c.every+2*ms {
				t.Errorf("round trip %v: repeated after %d ms, want %d", c.roundTrip, every/ms, c.every/ms)
			}
		}
		if len(p.heard) == 0 {
			t.Error("nothing is seen")
		}
	}
}

// Who takes neither PLI nor FIR is asked by signalling, once a second at most.
func TestAskedBySignalling(t *testing.T) {
	b := newBed(t, Config{})
	source, p := b.join(both(), pictures.Config{}), b.viewer()
	source.deaf = true
	b.run(time.Second)
	b.shows(source, p)
	b.run(3500 * time.Millisecond)
	if n := b.count(KeyFrameBySignalling, source); n != 4 {
		t.Errorf("%d events in 3.5 s, want 4", n)
	}
	source.keyDue = true
	b.run(5 * time.Second)
	if n := b.count(KeyFrameBySignalling, source); n > 5 || len(p.heard) == 0 {
		t.Errorf("%d events once a key frame came; %d packets went out", n, len(p.heard))
	}
}

// Who names PLI or FIR and does not heed them is asked by signalling, too: once, until a key frame
// comes.
func TestAskedInVain(t *testing.T) {
	b := newBed(t, Config{})
	source, p := b.join(both(), pictures.Config{}), b.viewer()
	source.stubborn = true
	b.run(time.Second)
	b.shows(source, p)
	b.until(10*time.Second, "three requests", func() bool { return len(source.asked) == 3 })
	if n := b.count(KeyFrameBySignalling, source); n != 0 {
		t.Errorf("%d events after three requests, want none", n)
	}
	b.run(20 * time.Second)
	if n := b.count(KeyFrameBySignalling, source); n != 1 {
		t.Errorf("%d events in 20 s, want one", n)
	}
	source.stubborn, source.keyDue = false, true
	b.until(time.Second, "a picture", func() bool { return len(p.heard) > 0 })
	source.stubborn = true
	b.conf.RequestKeyFrame(p.line)
	b.run(20 * time.Second)
	if n := b.count(KeyFrameBySignalling, source); n != 2 {
		t.Errorf("%d events when a key frame had come, want another", n)
	}
}

// The peer's own request by INFO is one like PLI.
func TestPeerAsks(t *testing.T) {
	b := newBed(t, Config{})
	source, p := b.join(both(), pictures.Config{}), b.viewer()
	b.shows(source, p)
	b.run(time.Second)
	b.conf.RequestKeyFrame(p.line)
	b.run(time.Second)
	p.say(transport.Feedback{Kind: transport.FeedbackFIR})
	b.run(time.Second)
	if len(source.asked) != 3 {
		t.Errorf("%d requests, want the newcomer's and two more", len(source.asked))
	}
}

func TestAskerWaits(t *testing.T) {
	a := asker{}
	if a.due(0) != 0 {
		t.Error("the first request waits")
	}
	a.asked = 100 * second
	for times, want := range map[int]time.Duration{1: 300, 4: 300, 5: 600, 6: 1200, 7: 2400, 8: 4800, 9: 5000, 1000: 5000} {
		a.times = times
		if got := time.Duration(a.due(0) - a.asked); got != want*time.Millisecond {
			t.Errorf("after %d requests: %v, want %v", times, got, want*time.Millisecond)
		}
	}
	a.times = 9
	a.see(101 * second)
	if a.times != 0 || a.wanted {
		t.Error("a key frame that began does not count")
	}
	if a.wish(101*second + 10*ms) {
		t.Error("another is wished while one arrives")
	}
	if !a.wish(102 * second) {
		t.Error("a key frame that never ends is waited for")
	}
}

// Requests for several encodings of one source are 50 ms apart.
func TestRequestsOfOneSourceAreApart(t *testing.T) {
	b := newBed(t, Config{})
	c := both()
	c.Encodings = 3
	source := b.join(c, pictures.Config{})
	source.stop()
	for _, s := range source.line.in.streams {
		source.line.in.wish(s, b.now)
	}
	began := b.now
	b.run(200 * time.Millisecond)
	if len(source.asked) != 3 {
		t.Fatalf("%d requests for three encodings within 200 ms, want three", len(source.asked))
	}
	for i, at := range source.asked {
		if want := began + int64(i)*50*ms; at < want || at > want+2*ms {
			t.Errorf("request %d comes after %d ms, want %d", i, (at-began)/ms, 50*i)
		}
	}
}
