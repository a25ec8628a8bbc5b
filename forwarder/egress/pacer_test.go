package egress

import (
	"testing"

	"github.com/confd/confd/media"
)

func TestANormalPictureLeavesInOneCall(t *testing.T) {
	b, one := playing(t, 1, Config{Codec: media.VP8})
	b.to.calls = nil
	one.cameras[0].Bytes = 14_700 // 15,000 bytes with headers, in 13 packets
	b.shoot(one)
	if len(b.to.calls) != 1 || b.to.calls[0] != 13 || b.Flush(b.now, b.to) != 0 {
		t.Errorf("calls of %v packets", b.to.calls)
	}
}

func TestABigPictureIsSpread(t *testing.T) {
	b, one := playing(t, 1, Config{Codec: media.VP8})
	b.to.calls = nil
	one.cameras[0].Bytes = 35_000 // at 1 MB/s
	began := b.now
	b.shoot(one)
	if next := b.Flush(b.now, b.to); next != began+paceEvery {
		t.Errorf("wants to be called %d after", next-began)
	}
	for n := 1; n > 0; {
		b.now = began + int64(n)*paceEvery
		n++
		if b.Flush(b.now-1, b.to); b.Flush(b.now, b.to) == 0 {
			n = 0
		}
	}
	// 5 kB each 5 ms, until what is left may leave at once
	if len(b.to.calls) != 5 || b.to.calls[0] != 5 || b.to.calls[3] != 5 || b.now != began+4*paceEvery {
		t.Errorf("calls of %v packets in %d", b.to.calls, b.now-began)
	}
}

func TestNothingWaitsForLongerThanItMay(t *testing.T) {
	b, one := playing(t, 1, Config{Codec: media.VP8})
	one.cameras[0].Bytes = 400_000 // at 1 MB/s 400 ms
	began := b.now
	b.shoot(one)
	b.pass(paceMost)
	if b.Stats(b.now).Waiting != 1 {
		t.Error("nothing waits short of the bound")
	}
	most := 0
	for _, n := range b.to.calls {
		most = max(most, n)
	}
	if b.Flush(b.now, b.to) != 0 || b.now != began+paceMost || most > 50 {
		t.Errorf("waits for longer than %d, or leaves in a lump: %v", paceMost, b.to.calls)
	}
	one.cameras[0].Bytes = 100_000
	b.shoot(one)
	b.now += second // a worker that comes late sends what is due
	if b.Flush(b.now, b.to) != 0 {
		t.Error("still waits when it is late")
	}
}

func TestPaceFollowsTheEstimate(t *testing.T) {
	for _, c := range []struct {
		estimate uint64
		want     int64
	}{{0, paceFloor}, {3_200_000, paceFloor}, {3_200_800, 1_000_250}, {1 << 63, mostRate / 8 * 5 / 2}} {
		var p pacer
		if p.set(c.estimate); p.rate != c.want {
			t.Errorf("estimate %d: %d bytes per second, want %d", c.estimate, p.rate, c.want)
		}
	}
}

func TestTheQueueIsBounded(t *testing.T) {
	b, one := playing(t, 1, Config{Codec: media.VP8})
	one.cameras[0].Bytes = 40_000
	b.shoot(one)
	one.cameras[0].Bytes = 500
	for range mostWaiting - 1 {
		b.shoot(one)
	}
	if st := b.Stats(b.now); st.Waiting != mostWaiting || st.Dropped.Queue != 0 {
		t.Fatalf("%+v", st)
	}
	one.keys[0] = true // a key frame is no exception
	b.shoot(one)
	b.shoot(one)
	if st := b.Stats(b.now); st.Waiting != mostWaiting || st.Dropped.Queue != 2 {
		t.Fatalf("%+v", st)
	}
	b.pass(paceMost)
	b.shoot(one) // cannot be decoded
	if st := b.Stats(b.now); st.Dropped.Queue != 3 || st.Pictures != 1+mostWaiting {
		t.Fatalf("%+v", st)
	}
	b.pass(slowKeyEvery)
	b.answer()
	b.run(1)
	if s := b.to.seen(); !s[len(s)-1].Key {
		t.Errorf("saw %v", s)
	}
}

func TestTheQueueIsBoundedInPackets(t *testing.T) {
	s := New(Config{})
	for _, c := range []struct {
		waiting, packets, count int
		want                    bool
	}{
		{0, 0, 10_000, true}, // what leaves at once does not wait
		{1, 500, 12, true}, {1, 500, 13, false}, {mostWaiting - 1, 0, 1, true}, {mostWaiting, 0, 1, false},
	} {
		s.history.tail, s.pacer.packets = uint64(c.waiting), c.packets
		if s.roomFor(c.count) != c.want {
			t.Errorf("%+v", c)
		}
	}
}

func TestWhatWaitedTooLongForTheRing(t *testing.T) {
	b, one := playing(t, 1, Config{Codec: media.VP8})
	one.cameras[0].Bytes = 40_000
	b.shoot(one)
	one.cameras[0].Bytes = 3_000
	b.shoot(one)
	for range 400 { // the ring turns, unseen by the subscription
		for _, p := range one.cameras[0].Next(false) {
			b.put(one.streams[0], &p)
		}
		for one.streams[0].Next() != nil {
		}
	}
	was := len(b.to.checker.Pictures)
	b.pass(paceMost)
	if st := b.Stats(b.now); st.Dropped.Overwritten != 2 || st.Waiting != 0 || b.pacer.packets != 0 || len(b.to.checker.Pictures) != was {
		t.Fatalf("%+v", st)
	}
	b.shoot(one) // needs what was lost
	if st := b.Stats(b.now); st.Dropped.Broken+st.Dropped.Overwritten != 3 {
		t.Errorf("%+v", st)
	}
	lax := &receiver{t: t, sent: b.to.sent}
	for _, p := range one.cameras[0].Next(true) {
		b.put(one.streams[0], &p)
	}
	b.Offer(one.streams[0].Next(), b.now, collector{lax})
	began := b.history.at(1) // and could not be sent to its end
	if want := uint16(began.base + uint64(began.count)); lax.out[0].Sequence != want {
		t.Errorf("goes on with %d, not %d behind what began", lax.out[0].Sequence, want)
	}
}

func TestWhatTheSocketDoesNotTakeWaits(t *testing.T) {
	for room := range 3 {
		codec := []media.VideoCodec{media.VP8, media.AV1, media.VP9}[room]
		b := newBench(t, Config{Codec: codec})
		c := layered(codec, 1, 1)
		if codec == media.VP9 {
			c.Spatial = 3
			b.SetLow(true, b.now)
		}
		c.Bytes, c.Payload = 3000, 400
		one := b.source(1, c)
		b.run(10)
		b.show(one)
		b.run(1)
		b.to.room = room
		b.shoot(one)
		b.shoot(one)
		if st := b.Stats(b.now); st.Waiting != 2 || st.Full == 0 || st.Packets != uint64(len(b.to.out)) {
			t.Fatalf("%v: %+v", codec, st)
		}
		b.to.calls = nil
		b.pass(20 * millisecond)
		if len(b.to.calls) != 3 {
			t.Errorf("%v: it is tried %d times in 20 ms", codec, len(b.to.calls))
		}
		b.to.room = 1000
		b.pass(paceEvery)
		if st := b.Stats(b.now); st.Waiting != 0 || st.Pictures != 3 || len(b.to.seen()) != 3 {
			t.Fatalf("%v: %+v", codec, st)
		}
	}
}

func TestWhatWaitsForTooLongIsDropped(t *testing.T) {
	for _, late := range []int64{0, 1} {
		b, one := playing(t, 3, Config{Codec: media.VP8})
		b.to.room = 1
		b.shoot(one)
		b.shoot(one)
		b.now += paceMost + mostLate + late
		b.to.room = 1000
		b.Flush(b.now, b.to)
		st := b.Stats(b.now)
		if want := uint64(late); st.Dropped.Queue != want || st.Pictures != 5-want || st.Waiting != 0 {
			t.Errorf("%d too late: %+v", late, st)
		}
		b.shoot(one) // needs what was dropped
		if st := b.Stats(b.now); st.Dropped.Queue != uint64(2*late) {
			t.Errorf("%d too late: %+v", late, st)
		}
	}
}

func TestRetransmissionsDoNotWait(t *testing.T) {
	b, _ := playing(t, 5, Config{Codec: media.VP8})
	b.to.room = 1
	b.NACK(lost(t, b.to.out[0].Sequence, b.to.out[1].Sequence), b.now, b.to)
	b.to.room = 1000
	b.pass(second)
	if st := b.Stats(b.now); len(b.to.repairs) != 1 || st.Full != 1 {
		t.Errorf("%d repairs, %+v", len(b.to.repairs), st)
	}
}

func TestWhatTheRingLostBeforeItWasOffered(t *testing.T) {
	b, one := playing(t, 3, Config{Codec: media.VP8})
	one.cameras[0].Bytes = 30_000
	for _, p := range one.cameras[0].Next(false) {
		b.put(one.streams[0], &p)
	}
	f := *one.streams[0].Next()
	for range 39 { // what comes meanwhile overwrites the first of its packets
		for _, p := range one.cameras[0].Next(false) {
			b.put(one.streams[0], &p)
		}
	}
	b.Offer(&f, b.now, b.to)
	if st := b.Stats(b.now); st.Dropped.Overwritten != 1 || st.Waiting != 0 || st.Pictures != 3 || b.pacer.packets != 0 {
		t.Errorf("%+v", st)
	}
}
