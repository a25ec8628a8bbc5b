package egress

import (
	"testing"

	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/media"
)

func vp8(source uint32) pictures.Config {
	return pictures.Config{Codec: media.VP8, Source: source, PictureIDBits: 15}
}

func TestSwitchesAtAKeyFrameAndRunsOnUntilThen(t *testing.T) {
	b := newBench(t, Config{Codec: media.VP8, Sequence: 65530, Timestamp: 1<<32 - 5})
	one, two := b.source(1, vp8(1)), b.source(1, vp8(2))
	b.run(3)
	if n := len(b.to.seen()); n != 0 {
		t.Fatalf("%d pictures before anything is shown", n)
	}
	b.show(one)
	b.run(5)
	if s := b.to.seen(); count(s, 1) != 5 || !s[0].Key {
		t.Fatalf("saw %v", s)
	}
	b.Show(two.streams, b.now)
	if next, current := b.Wants(b.now); next != two.streams[0] || current != nil {
		t.Errorf("wants %p and %p", next, current)
	}
	b.run(4) // no key frame yet
	if s := b.to.seen(); count(s, 1) != 4 || len(s) != 4 {
		t.Fatalf("saw %v while waiting", s)
	}
	b.answer()
	b.run(3)
	if s := b.to.seen(); count(s, 2) != 3 || count(s, 1) != 1 || b.Showing() != two.streams[0] {
		t.Fatalf("saw %v", s) // the first comes before the second's key frame, at the same time
	}
	if next, current := b.Wants(b.now); next != nil || current != nil {
		t.Errorf("wants %p and %p", next, current)
	}
	if n := b.Stats(b.now).Switches; n != 2 {
		t.Errorf("%d switches, want 2", n)
	}
}

func TestAWishReplacesTheOneThatWaits(t *testing.T) {
	b := newBench(t, Config{Codec: media.VP8})
	one, two, three := b.source(1, vp8(1)), b.source(1, vp8(2)), b.source(1, vp8(3))
	b.show(one)
	b.run(2)
	b.Show(two.streams, b.now)
	b.Show(three.streams, b.now)
	two.keys[0] = true
	b.run(2)
	if s := b.to.seen(); count(s, 1) != 4 || len(s) != 4 {
		t.Fatalf("saw %v", s)
	}
	b.Show(one.streams, b.now) // back to what still runs
	if next, _ := b.Wants(b.now); next != nil {
		t.Errorf("wants a key frame of what it shows")
	}
	three.keys[0] = true
	b.run(2)
	if s := b.to.seen(); count(s, 1) != 2 || len(s) != 2 {
		t.Fatalf("saw %v", s)
	}
	b.Show(nil, b.now)
	one.keys[0] = true
	b.run(2)
	if s := b.to.seen(); len(s) != 0 || b.Showing() != nil {
		t.Fatalf("saw %v while nothing is shown", s)
	}
}

func TestASourceIsSeenEarlyInALowerEncoding(t *testing.T) {
	b := newBench(t, Config{Codec: media.VP8})
	one := b.source(3, vp8(1))
	b.run(1)
	b.Show(one.streams, b.now)
	if next, _ := b.Wants(b.now); next != one.streams[2] {
		t.Fatal("does not want the highest encoding")
	}
	one.keys[1] = true
	b.run(3)
	if s := b.to.seen(); len(s) != 3 || s[2].Encoding != 1 {
		t.Fatalf("saw %v", s)
	}
	b.answer()
	b.run(2)
	if s := b.to.seen(); s[len(s)-1].Encoding != 2 {
		t.Fatalf("saw %v", s)
	}
	one.keys[0], one.keys[1] = true, true // nobody asked for them
	b.run(2)
	if s := b.to.seen(); s[len(s)-1].Encoding != 2 || b.Stats(b.now).EncodingSwitches != 1 {
		t.Fatalf("saw %v", s)
	}
}

func TestASourceIsNotSeenInAHigherEncodingThanItMay(t *testing.T) {
	b := newBench(t, Config{Codec: media.VP8})
	one := b.source(2, vp8(1))
	b.SetLow(true, b.now)
	b.Show(one.streams, b.now)
	one.keys[1] = true
	b.run(5)
	if s := b.to.seen(); count(s, 1) == 0 || s[0].Encoding != 0 {
		t.Errorf("saw %v", s) // both begin with a key frame
	}
	two := b.source(2, vp8(2))
	b.run(1)
	b.Show(two.streams, b.now)
	two.keys[1] = true
	b.run(5)
	if s := b.to.seen(); count(s, 2) != 0 {
		t.Errorf("saw %v", s)
	}
}

func TestForgetsAStream(t *testing.T) {
	b := newBench(t, Config{Codec: media.VP8})
	big := vp8(1)
	big.KeyBytes = 60_000
	one, two := b.source(1, big), b.source(1, vp8(2))
	b.show(one)
	b.shoot(one)
	if b.Stats(b.now).Waiting != 1 {
		t.Fatal("the key frame does not wait")
	}
	b.shoot(one)
	b.Forget(one.streams[0], b.now, b.to)
	if err := b.to.checker.Complete(); err != nil {
		t.Error(err) // what has begun is sent to its end
	}
	if st := b.Stats(b.now); st.Waiting != 0 || st.Dropped.Forgotten != 1 || b.Showing() != nil || b.rewriter.stream != nil || b.Frozen(b.now+second) {
		t.Errorf("%+v", st)
	}
	b.NACK(lost(t, b.to.out[0].Sequence), b.now, b.to)
	if st := b.Stats(b.now); st.Unanswered.Unknown != 1 {
		t.Errorf("%+v", st)
	}
	b.run(2)
	b.show(two)
	b.run(2)
	if s := b.to.seen(); count(s, 1) != 1 || count(s, 2) != 2 {
		t.Errorf("saw %v", s)
	}
}

func TestForgettingWhatIsNotShownChangesNothing(t *testing.T) {
	b := newBench(t, Config{Codec: media.VP8})
	one, two := b.source(2, vp8(1)), b.source(1, vp8(2))
	b.run(5)
	b.SetEstimate(one.streams[0].Bitrates(b.now).UpTo(every, every) * 2)
	b.show(one)
	b.run(5)
	b.SetEstimate(0) // the higher encoding fits, but not for long
	b.Forget(two.streams[0], b.now, b.to)
	if next, current := b.Wants(b.now); next != nil || current != nil || b.Showing() != one.streams[0] {
		t.Errorf("wants %p and %p, shows %p", next, current, b.Showing())
	}
	b.run(5)
	if s := b.to.seen(); count(s, 1) != 10 {
		t.Errorf("saw %v", s)
	}
}

func TestForgetsTheEncodingInForce(t *testing.T) {
	b := newBench(t, Config{Codec: media.VP8})
	one := b.source(2, vp8(1))
	b.run(5)
	b.show(one)
	b.run(5)
	b.to.seen()
	b.Forget(one.streams[1], b.now, b.to)
	if next, _ := b.Wants(b.now); next != one.streams[0] {
		t.Error("does not want the encoding that is left")
	}
	b.answer()
	b.run(2)
	if s := b.to.seen(); len(s) != 2 || s[1].Encoding != 0 {
		t.Errorf("saw %v", s)
	}
}
