package egress

import (
	"testing"
	"time"

	"github.com/confd/confd/forwarder/ingress"
	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
)

// playing returns a bench that has shown so many pictures of a source.
func playing(t testing.TB, pictures int, c Config) (*bench, *sender) {
	t.Helper()
	b := newBench(t, c)
	one := b.source(1, vp8(1))
	b.show(one)
	b.run(pictures)
	return b, one
}

func TestRepairsWhatLeft(t *testing.T) {
	for _, codec := range []media.VideoCodec{media.VP8, media.VP9, media.H264, media.H265, media.AV1} {
		b := newBench(t, Config{Codec: codec, Sequence: 65500})
		c := layered(codec, 3, 1)
		if codec == media.VP9 || codec == media.AV1 {
			c.Spatial = 2
		}
		c.Bytes, c.Payload = 1000, 400
		one := b.source(1, c)
		c.Source = 2
		two := b.source(1, c)
		b.show(one)
		runAndRepair(b, 20)
		b.SetLow(true, b.now)
		runAndRepair(b, 20)
		b.SetLow(false, b.now)
		b.show(two)
		runAndRepair(b, 20)
		st := b.Stats(b.now)
		if n := uint64(len(b.to.out)); st.Repaired != n || st.Asked != n || uint64(len(b.to.repairs)) != n || n < 60 || st.Filtered == 0 {
			t.Errorf("%v: %d of %d packets are repaired: %+v", codec, len(b.to.repairs), n, st)
		}
	}
}

// runAndRepair has every packet that leaves asked for again; receiver.repaired compares.
func runAndRepair(b *bench, count int) {
	for range count {
		from := len(b.to.out)
		b.run(1)
		for _, o := range b.to.out[from:] {
			b.history.credit = resendMost
			b.NACK(lost(b.t, o.Sequence), b.now, b.to)
		}
	}
}

func TestRepairsInOneCallAheadOfWhatWaits(t *testing.T) {
	b, one := playing(t, 5, Config{Codec: media.VP8})
	one.cameras[0].Bytes = 60_000
	b.shoot(one)
	if b.Stats(b.now).Waiting != 1 {
		t.Fatal("nothing waits")
	}
	b.to.calls = nil
	first := b.to.out[0].Sequence
	b.NACK(lost(t, first, first+1, first+5), b.now, b.to)
	if len(b.to.calls) != 1 || b.to.calls[0] != 3 {
		t.Errorf("calls of %v packets", b.to.calls)
	}
}

func TestResendsOnceARoundTripAndFourTimes(t *testing.T) {
	b, _ := playing(t, 5, Config{Codec: media.VP8})
	b.SetRoundTrip(80 * time.Millisecond)
	number := b.to.out[3].Sequence
	ask := func(passed int64) int {
		b.pass(passed)
		before := len(b.to.repairs)
		b.NACK(lost(t, number), b.now, b.to)
		return len(b.to.repairs) - before
	}
	for i, passed := range []int64{0, 60 * millisecond, 60 * millisecond, 60 * millisecond} {
		if i > 0 && ask(passed-millisecond) != 0 {
			t.Error("is sent again within three quarters of a round trip")
		}
		if ask(min(passed, millisecond)) != 1 {
			t.Errorf("is not sent again, resend %d", i)
		}
	}
	if ask(second) != 0 {
		t.Error("is sent again more than four times")
	}
	if u := b.Stats(b.now).Unanswered; u.Early != 3 || u.Often != 1 {
		t.Errorf("%+v", u)
	}
}

func TestResendsOfOnePacketDoNotCountForAnother(t *testing.T) {
	var h history
	for n := range uint64(2) {
		r := h.retransmissions(1000 + n*resentSize)
		if r.times != 0 {
			t.Errorf("packet %d was sent again %d times", 1000+n*resentSize, r.times)
		}
		r.times = mostResends
	}
}

func TestRepairsCountAgainstWhatTheReceiverCanTake(t *testing.T) {
	b, _ := playing(t, 5, Config{Codec: media.VP8})
	b.SetEstimate(1_000_000)
	b.NACK(lost(t, b.to.out[0].Sequence), b.now, b.to)
	if want := int64(len(b.to.out[0].Body)) + headerSize; b.budget.levelAt(b.now) != want {
		t.Errorf("%d bytes count, want %d", b.budget.levelAt(b.now), want)
	}
}

func TestWhatWasTakenBackIsNotRemembered(t *testing.T) {
	var h history
	for range historySize + 3 {
		h.add()
	}
	h.tail -= 2
	h.add()
	if h.oldest != 3 {
		t.Errorf("the oldest is %d, want the third to have gone", h.oldest)
	}
}

func TestRoundTripsAtTheirBounds(t *testing.T) {
	for _, c := range []struct{ in, want int64 }{
		{0, usualRoundTrip}, {-1, usualRoundTrip}, {1, leastRoundTrip}, {leastRoundTrip + 1, leastRoundTrip + 1},
		{mostRoundTrip, mostRoundTrip}, {mostRoundTrip + 1, mostRoundTrip},
	} {
		var h history
		if h.setRoundTrip(c.in); h.roundTrip != c.want {
			t.Errorf("%d counts as %d, want %d", c.in, h.roundTrip, c.want)
		}
	}
}

func TestRetransmissionsStayWithinTheirBudget(t *testing.T) {
	b, _ := playing(t, 1, Config{Codec: media.VP8})
	b.history.credit = 0
	b.run(1)
	if sent := b.to.out[len(b.to.out)-3:]; b.history.credit != int64(len(sent[0].Body)+len(sent[1].Body)+len(sent[2].Body))/resendShare {
		t.Errorf("%d bytes of credit for what was sent", b.history.credit)
	}
	h := history{credit: resendMost}
	now := int64(1e15)
	if h.filled = now; !h.spend(resendMost, now) || h.spend(1, now) {
		t.Error("not exactly resendMost bytes to begin with")
	}
	now += 500 * millisecond
	if h.spend(resendFloor/2+1, now) || !h.spend(resendFloor/2, now) {
		t.Error("not exactly half of resendFloor after half a second")
	}
	h.earn(4 * resendShare)
	if h.spend(5, now) || !h.spend(4, now) {
		t.Error("not exactly a quarter of what was sent")
	}
	if now += 1000 * second; h.spend(resendMost+1, now) || !h.spend(resendMost, now) {
		t.Error("not exactly resendMost bytes are saved up")
	}
	for range 3 { // what is less than a millisecond counts when it adds up
		now += millisecond / 2
		h.spend(1, now)
	}
	if h.credit != 6 {
		t.Errorf("%d bytes of a millisecond and a half, want 12 less 6 that were spent or not to be had", h.credit)
	}
}

func TestCutsAFloodOfRequests(t *testing.T) {
	b, _ := playing(t, 5, Config{Codec: media.VP8})
	for range mostAsked + 7 {
		b.NACK(lost(t, b.to.out[0].Sequence), b.now, b.to)
	}
	if u := b.Stats(b.now).Unanswered; u.Flood != 7 || u.Early != mostAsked-1 {
		t.Errorf("%+v", u)
	}
	b.now += second - 1
	b.NACK(lost(t, b.to.out[0].Sequence), b.now, b.to)
	b.now++
	b.NACK(lost(t, b.to.out[0].Sequence), b.now, b.to)
	if st := b.Stats(b.now); st.Unanswered.Flood != 8 || st.Repaired != 2 || st.Asked != mostAsked+9 {
		t.Errorf("%+v", st)
	}
}

func TestBudgetOfAFloodOfDifferentPackets(t *testing.T) {
	b, _ := playing(t, 100, Config{Codec: media.VP8})
	sent := b.Stats(b.now).Bytes
	for _, o := range b.to.out {
		b.NACK(lost(t, o.Sequence), b.now, b.to)
	}
	st := b.Stats(b.now)
	if st.Unanswered.Budget == 0 || st.RepairedBytes > resendMost || st.RepairedBytes < sent/8 {
		t.Errorf("%d bytes are repaired: %+v", st.RepairedBytes, st)
	}
}

func TestDoesNotAnswerWhatItNeverSentOrForgot(t *testing.T) {
	b, one := playing(t, 1, Config{Codec: media.VP8, Sequence: 100})
	for range historySize - 1 {
		b.shoot(one) // all within a moment, so that the ring keeps them
	}
	first := b.to.out[0].Sequence
	if first != 100 {
		t.Fatalf("the first packet is %d", first)
	}
	next := b.to.out[len(b.to.out)-1].Sequence + 1
	b.NACK(lost(t, first-1), b.now, b.to)
	b.NACK(lost(t, next), b.now, b.to)
	b.NACK(lost(t, next+1000), b.now, b.to)
	if u := b.Stats(b.now).Unanswered; u.Unknown != 3 {
		t.Errorf("%+v", u)
	}
	b.NACK(lost(t, first, next-1), b.now, b.to)
	if st := b.Stats(b.now); st.Repaired != 2 {
		t.Errorf("%+v", st)
	}
	b.shoot(one) // one too many
	b.NACK(lost(t, first+1, next), b.now, b.to)
	if st := b.Stats(b.now); st.Unanswered.Unknown != 4 || st.Repaired != 3 {
		t.Errorf("%+v", st)
	}
	one.cameras[0].Bytes = 60_000
	b.shoot(one)
	o := b.to.out[len(b.to.out)-1].Sequence
	b.NACK(lost(t, o, o+1), b.now, b.to) // of a picture of which the rest waits
	if st := b.Stats(b.now); st.Unanswered.Unknown != 5 || st.Repaired != 4 {
		t.Errorf("%+v", st)
	}
}

func TestCountsWhatTheRingHasOverwritten(t *testing.T) {
	b := newBench(t, Config{Codec: media.VP8})
	one := b.source(1, vp8(1))
	small, err := ingress.New(ingress.Config{Codec: media.VP8, Packets: ingress.MinPackets})
	if err != nil {
		t.Fatal(err)
	}
	one.streams[0] = small
	b.show(one)
	b.run(30)
	b.NACK(lost(t, b.to.out[0].Sequence), b.now, b.to)
	if st := b.Stats(b.now); st.Unanswered.Overwritten != 1 || st.Repaired != 0 {
		t.Errorf("%+v", st)
	}
}

func TestParameterSetsGoBeforeAKeyFrameWithout(t *testing.T) {
	b := newBench(t, Config{Codec: media.H264})
	one, two := b.source(1, pictures.Config{Codec: media.H264, Source: 1}), b.source(1, pictures.Config{Codec: media.H264, Source: 2})
	b.run(1) // the parameter sets come
	b.drop = func(p *pictures.Packet) bool { return false }
	b.show(two)
	b.run(2)
	b.Show(one.streams, b.now)
	sets := len(b.to.out)
	bare(b, one)
	all := one.streams[0].Parameters()
	out := b.to.out[sets:]
	if len(all) != 2 || len(out) < 3 {
		t.Fatalf("%d parameter sets, %d packets", len(all), len(out))
	}
	for i, o := range out {
		if i < 2 && string(o.Body) != string(all[i].Payload) || o.Timestamp != out[0].Timestamp || o.Marker != (i == len(out)-1) {
			t.Errorf("packet %d: %+v", i, o)
		}
	}
	b.NACK(lost(t, out[0].Sequence, out[1].Sequence, out[2].Sequence), b.now, b.to)
	if len(b.to.repairs) != 3 {
		t.Errorf("%d of 3 packets are repaired", len(b.to.repairs))
	}
}

// bare has a key frame of H.264 come without its parameter sets: the checker is not asked,
// since it knows cameras only that send them.
func bare(b *bench, s *sender) {
	packets := s.cameras[0].Next(true)
	for i, p := range packets[1:] {
		s.streams[0].Put(&transport.VideoPacket{Arrival: b.now, Timestamp: p.Timestamp, Sequence: p.Sequence - 1, Marker: i == len(packets)-2, Payload: p.Payload})
	}
	lax := &receiver{t: b.t, checker: pictures.NewChecker(media.NoVideoCodec), sent: b.to.sent}
	f := s.streams[0].Next()
	if f == nil || !f.Key || f.Parameters {
		b.t.Fatalf("not a key frame without parameter sets: %+v", f)
	}
	b.Offer(f, b.now, collector{lax})
	b.to.out = append(b.to.out, lax.out...)
}

// collector takes packets without a look at them.
type collector struct{ r *receiver }

func (c collector) SendVideo(_ int64, out []transport.VideoOut) int {
	for _, o := range out {
		c.r.sent[o.Sequence] = o
		c.r.out = append(c.r.out, o)
	}
	return len(out)
}
