package egress

import (
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/media"
)

// runAndAnswer lets pictures come and answers what is wanted, as an engine does.
func (b *bench) runAndAnswer(count int) {
	for range count {
		b.run(1)
		b.answer()
	}
}

// keys returns at which of the pictures seen there are key frames.
func keys(all []pictures.Seen) (at []uint32) {
	for _, s := range all {
		if s.Key {
			at = append(at, s.Timestamp)
		}
	}
	return at
}

func TestASlowReceiverLosesItsOwnPicturesOnly(t *testing.T) {
	b := newBench(t, Config{Codec: media.VP8})
	c := vp8(1)
	c.Bytes, c.KeyBytes = 5000, 20_000 // 1 Mbit/s
	one := b.source(1, c)
	b.show(one)
	b.SetEstimate(400_000)
	b.runAndAnswer(25 * 60)
	s, st := b.to.seen(), b.Stats(b.now)
	sent := st.Bytes * 8 / 60
	if sent < 400_000 || sent > 550_000 { // with a quarter of headroom
		t.Errorf("is sent %d bits/s", sent)
	}
	if st.Dropped.Slow == 0 || uint64(len(s))+st.Dropped.Slow != 25*60 {
		t.Errorf("saw %d, %+v", len(s), st)
	}
	at := keys(s)
	for i := range at[1:] {
		if d := at[i+1] - at[i]; d < 2*media.VideoRate {
			t.Errorf("key frames are %d ticks apart", d)
		}
	}
	if len(at) < 10 {
		t.Errorf("%d key frames in a minute", len(at))
	}
}

func TestASlowReceiverDoesNotTakeEveryKeyFrame(t *testing.T) {
	b := newBench(t, Config{Codec: media.VP8})
	c := vp8(1)
	c.Bytes, c.KeyBytes = 1000, 20_000
	one := b.source(1, c)
	b.SetEstimate(160_000) // one key frame takes 0.8 s of it with headroom
	b.show(one)
	for n := range 25 * 20 {
		one.keys[0] = one.keys[0] || n%5 == 0
		b.run(1)
	}
	if st := b.Stats(b.now); st.KeyFrames < 15 || st.KeyFrames > 25 || st.Dropped.Slow == 0 {
		t.Errorf("%+v", st)
	}
}

func TestWhoCanTakeItLosesNothing(t *testing.T) {
	b := newBench(t, Config{Codec: media.VP8})
	c := vp8(1)
	c.Bytes, c.KeyBytes = 5000, 60_000
	one := b.source(1, c) // 1 Mbit/s
	b.show(one)
	b.SetEstimate(1_100_000)
	for n := range 25 * 20 {
		one.keys[0] = one.keys[0] || n%125 == 0
		b.run(1)
	}
	if st := b.Stats(b.now); st.Pictures != 25*20 || st.Dropped != (Dropped{}) || st.Freezes != 0 {
		t.Errorf("%+v", st)
	}
}

func TestASlowReceiverGivesUpWhatCanBeSparedFirst(t *testing.T) {
	for layers, bits := range map[int]uint64{2: 700_000, 3: 500_000} {
		b := newBench(t, Config{Codec: media.VP8})
		c := layered(media.VP8, layers, 1)
		c.Bytes = 5000 // 1 Mbit/s
		one := b.source(1, c)
		b.show(one)
		b.run(30)
		b.nextChoice = 1 << 62 // one that comes late
		b.budget.set(bits, false)
		b.run(200)
		base := 0
		for _, s := range b.to.seen() {
			if s.Temporal == 0 {
				base++
			}
		}
		if st := b.Stats(b.now); st.Dropped.Slow == 0 || st.KeyFrames != 1 || base < 230>>(layers-1) {
			t.Errorf("%d layers: %d pictures of the lowest, %+v", layers, base, st)
		}
	}
}

func TestDiscardablePicturesAreDroppedAlone(t *testing.T) {
	s := New(Config{})
	s.SetEstimate(100_000)
	s.budget.take(1_000_000, false, 1e15)
	f := frameOf(one(t), false)
	f.Discardable = true
	if s.affords(f, 1e15) || s.broken != whole {
		t.Error("a discardable picture is affordable, or missed")
	}
	f.Discardable = false
	if s.affords(f, 1e15) || s.broken != brokenSlow {
		t.Error("a picture that others need is affordable, or not missed")
	}
}

func TestLowMode(t *testing.T) {
	b := newBench(t, Config{Codec: media.VP8})
	c := vp8(1)
	c.Bytes, c.KeyBytes = 5000, 20_000 // 1 Mbit/s, one layer
	one := b.source(1, c)
	b.show(one)
	b.run(10)
	b.to.seen()
	b.SetLow(true, b.now)
	before := b.Stats(b.now)
	b.runAndAnswer(25 * 60)
	st := b.Stats(b.now)
	if sent := (st.Bytes - before.Bytes) * 8 / 60; sent < 30_000 || sent > lowRate {
		t.Errorf("is sent %d bits/s", sent)
	}
	at := keys(b.to.seen())
	for i := range at[1:] {
		if d := at[i+1] - at[i]; d < 5*media.VideoRate {
			t.Errorf("key frames are %d ticks apart", d)
		}
	}
	if len(at) < 10 || st.Dropped.Low == 0 || st.Freezes != 0 {
		t.Errorf("%d key frames in a minute, %+v", len(at), st)
	}
	b.SetLow(false, b.now)
	b.runAndAnswer(150)
	if s := b.to.seen(); len(s) < 100 {
		t.Errorf("saw %d of 150 pictures after low mode", len(s))
	}
}

func TestLowModePassesWhatFits(t *testing.T) {
	b := newBench(t, Config{Codec: media.VP8})
	c := vp8(1)
	c.Bytes, c.KeyBytes = 500, 5000 // 0.1 Mbit/s
	one := b.source(1, c)
	b.SetLow(true, b.now)
	b.show(one)
	b.run(250)
	if st := b.Stats(b.now); st.Pictures != 250 || st.Dropped != (Dropped{}) {
		t.Errorf("%+v", st)
	}
}

func TestASwitchIsSeenWhateverWasSpent(t *testing.T) {
	b := newBench(t, Config{Codec: media.VP8})
	c := vp8(1)
	c.Bytes, c.KeyBytes = 5000, 40_000
	one := b.source(1, c)
	c.Source = 2
	two := b.source(1, c)
	b.SetLow(true, b.now)
	b.show(one)
	b.run(10)
	b.budget.take(1_000_000, false, b.now)
	b.show(two)
	b.run(2)
	if s := b.to.seen(); count(s, 2) == 0 {
		t.Errorf("saw %v", s)
	}
}

func TestLossOnTheWayIn(t *testing.T) {
	b := newBench(t, Config{Codec: media.VP8})
	one := b.source(1, vp8(1))
	b.show(one)
	b.run(5)
	n := 0
	b.drop = func(*pictures.Packet) bool { n++; return n == 2 }
	b.run(5)
	if _, current := b.Wants(b.now); current != one.streams[0] {
		t.Error("does not want a key frame")
	}
	b.runAndAnswer(5)
	if st := b.Stats(b.now); st.Dropped.Broken == 0 || st.KeyFrames != 2 {
		t.Errorf("%+v", st)
	}
	b.run(1)
	if _, current := b.Wants(b.now); current != nil {
		t.Error("wants one still")
	}
}

func TestAPictureThatWasNotOffered(t *testing.T) {
	b := newBench(t, Config{Codec: media.VP8})
	one := b.source(1, vp8(1))
	b.show(one)
	b.run(5)
	for _, p := range one.cameras[0].Next(false) {
		b.put(one.streams[0], &p)
	}
	one.streams[0].Next()
	b.run(5)
	if st := b.Stats(b.now); st.Dropped.Broken != 5 {
		t.Errorf("%+v", st)
	}
}

func TestFreezes(t *testing.T) {
	b := newBench(t, Config{Codec: media.VP8})
	one := b.source(1, vp8(1))
	b.pass(second)
	if b.Frozen(b.now) {
		t.Error("is frozen while nothing is to be shown")
	}
	b.show(one)
	b.shoot(one)
	b.pass(int64(usualFreeze))
	if b.Frozen(b.now) || !b.Frozen(b.now+1) {
		t.Error("does not freeze after just half a second")
	}
	b.SetFreeze(5 * time.Second)
	if b.Frozen(b.now+9*second/2) || !b.Frozen(b.now+9*second/2+1) {
		t.Error("with a bound of five seconds does not freeze after just that")
	}
	b.SetFreeze(0)
	b.pass(second / 2)
	if st := b.Stats(b.now); st.Freezes != 1 || st.Frozen != second {
		t.Errorf("%+v", st)
	}
	b.shoot(one)
	if st := b.Stats(b.now + 1); b.Frozen(b.now+1) || st.Freezes != 1 || st.Frozen != second {
		t.Errorf("%+v", st)
	}
	b.pass(second)
	b.Show(nil, b.now)
	if st := b.Stats(b.now + 1); b.Frozen(b.now+second) || st.Freezes != 2 || st.Frozen != 2*second {
		t.Errorf("%+v", st)
	}
	b.pass(second)
	b.Show(one.streams, b.now)
	b.pass(second)
	b.SetLow(true, b.now)
	if st := b.Stats(b.now + second); st.Freezes != 3 || st.Frozen != 3*second {
		t.Errorf("%+v", st)
	}
}
