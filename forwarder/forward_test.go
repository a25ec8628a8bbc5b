package forwarder

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/media"
)

// One films, three look: all see everything from a key frame on.
func TestOneIsShownToMany(t *testing.T) {
	b := newBed(t, Config{})
	source := b.join(both(), pictures.Config{})
	var all []*phone
	for range 3 {
		all = append(all, b.viewer())
	}
	b.shows(source, all...)
	b.run(2 * time.Second)
	for _, p := range all {
		seen := p.check()
		if len(seen) < 45 || !seen[0].Key || seen[0].Source != source.cam.Source {
			t.Errorf("phone %d saw %d pictures of 48, the first %+v", p.cam.Source, len(seen), seen[:1])
		}
		if n := b.count(Shown, p); n != 1 {
			t.Errorf("%d times shown, want once", n)
		}
	}
	if len(source.asked) != 1 {
		t.Errorf("asked for %d key frames, want one for all", len(source.asked))
	}
	if b.count(SourceStarted, source) != 1 || b.events[0].Kind != SourceStarted && b.events[0].Width != 640 {
		t.Errorf("events %+v", b.events)
	}
}

// Five talk in turn; each is shown what the last speaker sends, the speaker the one before.
// No picture is ever undecodable, with and without loss on both ways.
func TestSpeakersChange(t *testing.T) {
	for _, loss := range []int{0, 5} {
		b := newBed(t, Config{})
		var all []*phone
		for range 5 {
			p := b.join(both(), pictures.Config{Temporal: 2})
			p.lose = every(loss)
			all = append(all, p)
		}
		for turn := range 12 {
			speaker, before := all[turn%5], all[(turn+4)%5]
			b.shows(speaker, all...)
			b.shows(before, speaker)
			b.run(1500 * time.Millisecond)
		}
		for i, p := range all {
			seen := p.check()
			switches := 0
			for _, s := range seen {
				if s.Switched {
					switches++
					if !s.Key {
						t.Errorf("phone %d: a switch to %d without a key frame", i, s.Source)
					}
				}
			}
			if len(seen) < 380 || switches < 9 || switches > 11 {
				t.Errorf("loss %d: phone %d saw %d pictures of 450, with %d switches", loss, i, len(seen), switches)
			}
		}
	}
}

// every loses one in a hundred, or as many as given, at random but the same each time.
func every(percent int) func(*pictures.Packet) bool {
	r := rand.New(rand.NewPCG(1, uint64(percent)))
	return func(*pictures.Packet) bool { return r.IntN(100) < percent }
}

// Who sees nobody is sent nothing, and neither is who is stopped, may not be sent to, or
// should see somebody who is muted; once that ends, pictures come from a key frame on.
func TestWhoIsSentNothing(t *testing.T) {
	b := newBed(t, Config{})
	source, p := b.join(both(), pictures.Config{}), b.viewer()
	b.run(time.Second)
	if len(p.heard) > 0 {
		t.Fatalf("who is shown nothing was sent %d packets", len(p.heard))
	}
	b.shows(source, p)
	b.until(time.Second, "the first picture", func() bool { return len(p.heard) > 0 })
	stopped, deaf, muted, other := both(), both(), both(), both()
	stopped.Stopped, deaf.Send, muted.Muted, other.Format = true, false, true, media.VideoFormat{Codec: media.VP9}
	for what, c := range map[string]struct {
		p   *phone
		cfg LineConfig
	}{"stopped": {p, stopped}, "not to be sent to": {p, deaf}, "another format": {p, other}, "source muted": {source, muted}} {
		b.conf.Configure(c.p.line, c.cfg, nil)
		b.turn()
		n := len(p.heard)
		b.run(time.Second)
		if len(p.heard) != n {
			t.Errorf("%s: %d packets were sent", what, len(p.heard)-n)
		}
		b.conf.Configure(c.p.line, both(), nil)
		b.until(time.Second, what+": pictures again", func() bool { return len(p.heard) > n+10 })
	}
	p.check()
}

// A line that moves to another room goes on with its numbers, with a key frame of whom it
// sees there, and who saw it is sent nothing more of it.
func TestMove(t *testing.T) {
	b := newBed(t, Config{})
	a, c, mover := b.join(both(), pictures.Config{}), b.join(both(), pictures.Config{}), b.join(both(), pictures.Config{})
	other := b.room()
	b.shows(a, mover)
	b.shows(mover, a)
	b.run(time.Second)
	seen := len(a.heard)
	other.Show(c.line, a.line) // who is not there
	b.conf.Remove(c.line, func() { _ = other.Add(c.line) })
	b.conf.Remove(mover.line, func() {
		if err := other.Add(mover.line); err != nil {
			t.Error(err)
		}
		other.Show(mover.line, c.line)
	})
	b.run(time.Second)
	if len(a.heard) != seen {
		t.Errorf("%d packets of who had left", len(a.heard)-seen)
	}
	b.conf.Show(a.line, mover.line) // of another room
	b.run(100 * time.Millisecond)
	if len(a.heard) != seen || len(c.heard) != 0 {
		t.Errorf("who is in another room is seen: %d, %d packets", len(a.heard)-seen, len(c.heard))
	}
	pictures := mover.check()
	if last := pictures[len(pictures)-1]; last.Source != c.cam.Source {
		t.Errorf("sees %d in the other room, want %d", last.Source, c.cam.Source)
	}
	if mover.line.Stats().Ingress.Streams.Frames < 40 {
		t.Errorf("counters did not go along: %+v", mover.line.Stats().Ingress)
	}
	if b.engine.Stats().Lines != 3 || b.conf.count.Load() != 1 {
		t.Errorf("%d lines, %d in the first room", b.engine.Stats().Lines, b.conf.count.Load())
	}
}

// Closing a conference takes everybody out; later changes are made, and do no harm.
func TestCloseConference(t *testing.T) {
	b := newBed(t, Config{})
	source, p := b.join(both(), pictures.Config{}), b.viewer()
	b.shows(source, p)
	b.run(time.Second)
	closed, removed, did := false, false, false
	b.conf.Close(func() { closed = true })
	b.conf.Remove(p.line, func() { removed = true })
	b.conf.Configure(p.line, both(), func() { did = true })
	b.conf.Show(p.line, source.line)
	b.turn()
	n, polls := len(p.heard), source.polls
	b.run(time.Second)
	if !closed || !removed || !did {
		t.Errorf("closed %v, removed %v, did %v", closed, removed, did)
	}
	if len(p.heard) != n || source.polls != polls || b.worker.wheel.used != [words]uint64{} || b.engine.Stats().Lines != 0 {
		t.Errorf("something goes on: %d packets, %d polls, wheel %x", len(p.heard)-n, source.polls-polls, b.worker.wheel.used)
	}
	b.conf.add(p.line) // as if it had been asked for just before
	if p.line.owner.Load() != nil || len(b.conf.lines) > 0 {
		t.Error("a conference that is closed takes a line")
	}
	if err := b.conf.Add(p.line); err != ErrClosed {
		t.Errorf("Add says %v, want ErrClosed", err)
	}
}

func TestConferenceIsFull(t *testing.T) {
	b := newBed(t, Config{Lines: 2})
	b.viewer()
	second := b.viewer()
	third := b.phone(both(), pictures.Config{})
	if err := b.conf.Add(third.line); err != ErrFull {
		t.Fatalf("the third of two: %v, want ErrFull", err)
	}
	b.conf.Remove(second.line, nil)
	b.turn()
	if err := b.conf.Add(third.line); err != nil {
		t.Errorf("after one has left: %v", err)
	}
}

// A panic ends the conference that it happened in, and no other.
func TestPanicStaysInItsConference(t *testing.T) {
	b := newBed(t, Config{})
	source, p := b.join(both(), pictures.Config{}), b.viewer()
	b.shows(source, p)
	other := b.engine.NewConference(ConferenceConfig{})
	x, y := b.phone(both(), pictures.Config{}), b.phone(both(), pictures.Config{})
	for _, l := range []*phone{x, y} {
		if err := other.Add(l.line); err != nil {
			t.Fatal(err)
		}
	}
	other.Show(y.line, x.line)
	b.run(time.Second)
	b.fails = true
	source.line.in.streams[0] = nil // whoever uses it panics
	n, m := len(p.heard), len(y.heard)
	b.run(time.Second)
	if b.count(Failed, nil) != 1 || b.engine.Stats().Panics == 0 {
		t.Errorf("%d failures told, %d counted", b.count(Failed, nil), b.engine.Stats().Panics)
	}
	if len(p.heard) != n || len(y.heard) < m+50 {
		t.Errorf("%d packets in the broken room, %d in the other", len(p.heard)-n, len(y.heard)-m)
	}
	gone := false
	b.conf.Remove(p.line, func() { gone = true })
	b.turn()
	if !gone {
		t.Error("nobody can leave a broken room")
	}
}

// Housekeeping of a thousand lines is spread: no turn has many of them, and each line has its
// visits, those that only look more rarely.
func TestHousekeepingIsSpread(t *testing.T) {
	b := newBed(t, Config{})
	source := b.join(both(), pictures.Config{})
	var all []*phone
	for range 1000 {
		p := b.phone(both(), pictures.Config{})
		p.stop()
		if err := b.conf.Add(p.line); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	b.run(2 * time.Second)
	polls := func() (n int) {
		for _, p := range all {
			n += p.polls
		}
		return n
	}
	before, most, sources := polls(), 0, source.polls
	for range 1000 {
		was := polls()
		b.step()
		most = max(most, polls()-was)
	}
	if n := polls() - before; n < 4900 || n > 5100 {
		t.Errorf("%d visits of 1000 lines that only look in a second, want one each 200 ms", n)
	}
	if most > 60 {
		t.Errorf("%d lines are visited in one turn, want 42", most)
	}
	if n := source.polls - sources; n < 20 {
		t.Errorf("the source was polled %d times in a second, want it each 50 ms", n)
	}
}

// While a picture goes out to many, the sockets are seen to every 4 ms: what comes meanwhile is
// in the rings, and in no picture's way.
func TestSocketsAreSeenToInAFanOut(t *testing.T) {
	r := newRoom(t)
	w := r.conf.worker
	slow := make(chan struct{})
	source := r.join(vp8, 0, true)
	other := r.join(vp8, 0, true)
	var last *caller
	for range 40 {
		last = r.join(vp8, 0, false)
		r.conf.Show(last.line, source.line)
	}
	r.conf.Show(source.line, other.line)
	wait.For(t, "pictures", func() bool { return last.line.Stats().Egress.Subscription.Pictures > 5 })
	r.conf.worker.post(r.conf, func() {
		clock := w.clock // from now on sixteen offers seem to take 5 ms
		var past int64
		w.clock = func() int64 { past += 5 * ms; return clock() + past }
		close(slow)
	})
	<-slow
	wait.For(t, "looks", func() bool { return r.engine.Stats().Looks > 5 })
	r.quiet()
	for _, c := range r.all[2:] {
		wait.For(t, "all packets", func() bool { return c.missing() == 0 })
		c.check()
	}
}

// A source whose streams are made anew, as after a re-INVITE, is seen again from a key frame on.
func TestSourceBeginsAnew(t *testing.T) {
	b := newBed(t, Config{})
	source, p := b.join(both(), pictures.Config{}), b.viewer()
	b.shows(source, p)
	b.run(time.Second)
	c := both()
	c.NACK = false
	did := false
	b.conf.Configure(source.line, c, func() { did = true })
	n := len(p.heard)
	b.until(time.Second, "pictures again", func() bool { return len(p.heard) > n+20 })
	if p.check(); !did || len(source.asked) != 2 || len(source.line.in.streams) != 1 {
		t.Errorf("done %v, %d key frames asked for, %d streams", did, len(source.asked), len(source.line.in.streams))
	}
}

// Of a source that has left nothing is repeated: its ring may be another worker's by now.
func TestNothingIsRepeatedOfWhoHasLeft(t *testing.T) {
	b := newBed(t, Config{})
	source, other, p := b.join(both(), pictures.Config{}), b.join(both(), pictures.Config{}), b.viewer()
	b.shows(source, p)
	b.run(time.Second)
	old := p.heard[len(p.heard)-1].Sequence
	b.shows(other, p)
	b.run(300 * time.Millisecond)
	p.say(nack(t, old))
	b.run(100 * time.Millisecond)
	if len(p.again) != 1 {
		t.Fatalf("%d packets repeated while their source is there, want one", len(p.again))
	}
	b.conf.Remove(source.line, nil)
	b.run(300 * time.Millisecond)
	p.say(nack(t, old-1, old))
	b.run(100 * time.Millisecond)
	if len(p.again) != 1 || p.line.Stats().Egress.Subscription.Unanswered.Unknown == 0 {
		t.Errorf("%d packets of who has left were repeated", len(p.again)-1)
	}
	p.check()
}

// Big key frames leave in parts, each when it is due, whatever else is due for the line.
func TestKeyFramesArePaced(t *testing.T) {
	b := newBed(t, Config{})
	source, p := b.join(both(), pictures.Config{KeyBytes: 100_000}), b.viewer()
	source.every = 389 * ms // so that all that is due otherwise meets every part
	b.shows(source, p)
	for range 200 {
		source.keyDue = true
		b.run(97 * time.Millisecond)
	}
	p.check()
	first, parts := 0, 0
	for i := range p.heard {
		if i > first && p.at[i] != p.at[i-1] {
			parts++
		}
		if !p.heard[i].Marker {
			continue
		}
		if took := p.at[i] - p.at[first]; took > 41*ms {
			t.Fatalf("a picture of %d packets took %d ms, want 40", i-first+1, took/ms)
		}
		first = i + 1
	}
	if parts < 200 {
		t.Errorf("only %d parts", parts)
	}
}

// Pictures that come at once leave at once, in turn with those of others.
func TestSeveralPicturesAtOnce(t *testing.T) {
	b := newBed(t, Config{})
	source, p := b.join(both(), pictures.Config{}), b.viewer()
	b.shows(source, p)
	b.run(time.Second)
	source.stop()
	b.run(20 * time.Millisecond)
	before := p.line.out.sub.Stats(b.now).Pictures
	for range 5 {
		source.send(source.cam.Next(false))
	}
	b.run(time.Duration(source.delay))
	if n := p.line.out.sub.Stats(b.now).Pictures - before; n != 5 {
		t.Errorf("%d pictures left at once, want 5", n)
	}
	p.check()
}
