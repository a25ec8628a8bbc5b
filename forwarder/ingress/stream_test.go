package ingress

import (
	"slices"
	"testing"
	"time"

	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
)

func vp8(t *testing.T) (*run, *source) {
	return newRun(t, Config{Codec: media.VP8, NACK: true}), &source{codec: media.VP8, sequence: 65530}
}

func TestPicturesComeWholeAndInOrder(t *testing.T) {
	for _, codec := range []media.VideoCodec{media.VP8, media.H264} {
		r := newRun(t, Config{Codec: codec})
		s := &source{codec: codec, sequence: 65530}
		r.put(s.picture(shape{packets: 5, key: true})...)
		for range 10 {
			packets := s.picture(shape{packets: 3})
			r.put(packets[:2]...)
			before := len(r.frames)
			r.put(packets[2])
			if before+1 != len(r.frames) {
				t.Fatalf("%v: %d pictures, then %d", codec, before, len(r.frames))
			}
		}
		r.want(11, 11)
		f := r.frames[0]
		if !f.Key || f.Parameters != (codec == media.H264) || r.frames[1].Key {
			t.Errorf("%v: the first picture is %+v", codec, f)
		}
		if codec == media.VP8 && (f.Width != 640 || f.Height != 480) {
			t.Errorf("%d x %d", f.Width, f.Height)
		}
	}
}

func TestWithoutMarkersTheNextTimestampEndsAPicture(t *testing.T) {
	r, s := vp8(t)
	s.unmarked = true
	r.put(s.picture(shape{packets: 3, key: true})...)
	r.want(0, 0)
	r.put(s.picture(shape{packets: 2})...)
	r.want(1, 1)
	r.put(s.picture(shape{})...)
	r.want(2, 2)
}

func TestOrderOfArrivalDoesNotMatter(t *testing.T) {
	r, s := vp8(t)
	r.put(s.picture(shape{key: true})...)
	var later []transport.VideoPacket
	for range 4 {
		later = append(later, s.picture(shape{packets: 4})...)
	}
	for i := 0; i+1 < len(later); i += 2 {
		later[i], later[i+1] = later[i+1], later[i]
	}
	r.put(later...)
	r.want(5, 5)
	if st := r.s.Stats(); st.Reordered != 8 || st.Repaired+st.Lost+st.Late != 0 {
		t.Errorf("%+v", st)
	}
}

func TestDuplicatesAreCountedAndDropped(t *testing.T) {
	r, s := vp8(t)
	r.put(s.picture(shape{key: true})...)
	p := s.picture(shape{packets: 2})
	r.put(p[0], p[0], p[1], p[1], p[0])
	r.want(2, 2)
	if st := r.s.Stats(); st.Duplicates != 3 {
		t.Errorf("%+v", st)
	}
}

func TestPaddingTakesItsNumber(t *testing.T) {
	r, s := vp8(t)
	r.put(s.picture(shape{key: true})...)
	r.put(s.padding(), s.padding())
	p := s.picture(shape{packets: 2})
	hollow := s.padding()
	hollow.Sequence, p[1].Sequence = p[1].Sequence, hollow.Sequence // within the picture
	r.put(p[0], hollow, p[1])
	r.put(s.padding())
	r.put(s.picture(shape{})...)
	r.want(3, 3)
	if f := r.frames[1]; f.Count != 3 || f.Bytes != 200 {
		t.Errorf("%+v", f)
	}
	if st := r.s.Stats(); st.Padding != 4 {
		t.Errorf("%+v", st)
	}
}

func TestMarkerOfPaddingEndsAPicture(t *testing.T) {
	r, s := vp8(t)
	s.unmarked = true
	r.put(s.picture(shape{packets: 2, key: true})...)
	end := s.padding()
	end.Marker = true
	r.put(end)
	r.want(1, 1)
	if f := r.frames[0]; f.Count != 2 {
		t.Errorf("%+v", f)
	}
}

func TestFirstPicturesWithoutTheirBeginningAreDropped(t *testing.T) {
	r, s := vp8(t)
	r.put(s.picture(shape{packets: 3, key: true})[1:]...)
	r.put(s.picture(shape{packets: 3})...)
	r.want(1, 0)
	if st := r.s.Stats(); st.Headless != 1 || st.GivenUp != 1 || !r.s.WantsKey(r.now) {
		t.Errorf("%+v", st)
	}
	r.put(s.picture(shape{key: true})...)
	r.want(2, 1)
	if r.s.WantsKey(r.now) {
		t.Error("a key frame is wanted after one")
	}
}

func TestEndlessPictures(t *testing.T) {
	for _, extra := range []int{0, 1} {
		r := newRun(t, Config{Codec: media.VP8, Packets: 64})
		s := &source{codec: media.VP8}
		r.put(s.picture(shape{packets: 32 + extra, key: true})...)
		r.put(s.picture(shape{packets: 32})...)
		if extra == 0 {
			r.want(2, 2)
			continue
		}
		r.want(1, 0)
		if st := r.s.Stats(); st.Endless != 1 || st.GivenUp != 1 {
			t.Errorf("%+v", st)
		}
		for range 1000 { // without an end at all
			r.put(s.packet([]byte{0x80, 0, 1}))
		}
		r.put(s.picture(shape{key: true})...)
		r.want(2, 1)
	}
}

func TestPayloadsAtTheLimit(t *testing.T) {
	r, s := vp8(t)
	r.put(s.picture(shape{key: true, size: SlotSize})...)
	r.want(1, 1)
	r.put(s.picture(shape{size: SlotSize + 1})...)
	r.put(s.picture(shape{})...)
	r.want(2, 1)
	if st := r.s.Stats(); st.Oversized != 1 {
		t.Errorf("%+v", st)
	}
}

func TestUnreadablePacketsCostTheirPicture(t *testing.T) {
	r, s := vp8(t)
	r.put(s.picture(shape{key: true})...)
	p := s.picture(shape{packets: 3})
	p[1].Payload = []byte{0x80} // ends within its descriptor
	r.put(p...)
	r.put(s.picture(shape{})...)
	r.want(2, 1)
	st := r.s.Stats()
	if st.Malformed != 1 || st.GivenUp != 1 || len(r.missing()) != 0 || !r.s.WantsKey(r.now) {
		t.Errorf("%+v", st)
	}
	if _, ok := r.s.Packet(r.frames[0].First + 2); ok {
		t.Error("an unreadable packet is given out")
	}
}

// One whose picture is unknown may have been anything.
func TestAnUnreadablePacketByItself(t *testing.T) {
	r, s := vp8(t)
	r.put(s.picture(shape{key: true})...)
	p := s.picture(shape{temporal: 2})
	p[0].Payload = p[0].Payload[:6] // of the highest layer, but nothing in it
	r.put(p...)
	r.put(s.picture(shape{})...)
	r.want(2, 1)
}

func TestTheRingGrowsWithTheRateToItsBound(t *testing.T) {
	for _, c := range []struct{ perSecond, slots int }{{10, 32}, {25, 32}, {100, 128}, {500, 512}, {5000, 1024}} {
		r := newRun(t, Config{Codec: media.VP8})
		if r.s.Stats().Memory != 0 {
			t.Fatal("memory before the first packet")
		}
		s := &source{codec: media.VP8}
		r.put(s.picture(shape{key: true})...)
		for range 3 * c.perSecond {
			r.now += second / int64(c.perSecond)
			r.put(s.picture(shape{})...)
		}
		if got := r.s.Stats().Memory / SlotSize; got != c.slots {
			t.Errorf("%d packets a second: %d slots, want %d", c.perSecond, got, c.slots)
		}
		r.want(3*c.perSecond+1, 3*c.perSecond+1)
	}
}

func TestPacketsAreFoundUntilTheyAreOverwritten(t *testing.T) {
	r := newRun(t, Config{Codec: media.VP8, Packets: MinPackets})
	s := &source{codec: media.VP8}
	r.put(s.picture(shape{key: true})...)
	for range 2 * MinPackets {
		r.put(s.picture(shape{})...)
	}
	newest := r.frames[len(r.frames)-1].First
	if _, ok := r.s.Packet(newest - MinPackets + 1); !ok {
		t.Error("the oldest of the ring is gone")
	}
	for _, ext := range []uint64{newest - MinPackets, newest + 1, 0} {
		if _, ok := r.s.Packet(ext); ok {
			t.Errorf("%d (newest %d) is still there", ext, newest)
		}
	}
}

func TestWhoDoesNotCallNextLosesPictures(t *testing.T) {
	r := newRun(t, Config{Codec: media.VP8, Packets: MinPackets})
	s := &source{codec: media.VP8}
	for range 3 * MinPackets {
		p := s.picture(shape{key: true})
		p[0].Arrival = r.now
		r.s.Put(&p[0])
	}
	r.turn()
	if n := len(r.frames); n == 0 || n > MinPackets {
		t.Errorf("%d pictures", n)
	}
	if st := r.s.Stats(); st.Overruns == 0 {
		t.Errorf("%+v", st)
	}
}

func TestAJumpNeedsASecondPacket(t *testing.T) {
	const reach = DefaultPackets / 2
	for _, c := range []struct {
		jump     int
		restarts uint64
	}{{reach, 0}, {reach + 1, 1}, {-maxMisorder, 0}, {-maxMisorder - 1, 1}, {30000, 1}, {-30000, 1}} {
		r, s := vp8(t)
		r.put(s.picture(shape{key: true})...)
		s.sequence += uint16(c.jump - 1)
		p := s.picture(shape{packets: 3, key: true})
		r.put(p...)
		if got := r.s.Stats().Restarts; got != c.restarts {
			t.Errorf("a jump by %d: %d restarts", c.jump, got)
		}
		if c.restarts == 0 {
			continue
		}
		r.pass(10 * time.Millisecond)
		if lost := r.missing(); !slices.Equal(lost, []uint16{p[0].Sequence}) {
			t.Errorf("a jump by %d: missing %v, want the first packet, %d", c.jump, lost, p[0].Sequence)
		}
		p[0].Repaired = true
		r.put(p[0])
		r.put(s.picture(shape{})...)
		r.want(3, 3)
		if r.frames[1].First < r.frames[0].First+1000 {
			t.Error("extended numbers of a new run overlap the old ones'")
		}
	}
}

func TestPacketsFarOffChangeNothingByThemselves(t *testing.T) {
	r, s := vp8(t)
	r.put(s.picture(shape{key: true})...)
	for i := range uint16(100) { // two far off, but between them the source goes on
		stray := s.packet([]byte{1})
		s.sequence--
		stray.Sequence += 20000 + i
		r.put(stray)
		r.put(s.picture(shape{})...)
	}
	old := s.packet([]byte{1})
	s.sequence--
	old.Repaired = true // retransmissions may be as old as they like
	for range 10 {
		old.Sequence -= 1000
		r.put(old)
		old.Sequence++
		r.put(old)
	}
	stray := s.packet([]byte{1})
	s.sequence--
	stray.Sequence += 20000
	r.put(stray)
	stray.Sequence++
	stray.Repaired = true
	r.put(stray)
	r.put(s.picture(shape{})...)
	r.want(102, 102)
	if st := r.s.Stats(); st.Restarts != 0 || st.Late < 100 {
		t.Errorf("%+v", st)
	}
}

func TestResetDropsWhatIsIncompleteAndNeedsAKeyFrame(t *testing.T) {
	r, s := vp8(t)
	r.put(s.picture(shape{key: true})...)
	r.put(s.picture(shape{packets: 2})[0])
	r.s.Reset()
	s.sequence = 7
	r.put(s.picture(shape{packets: 2})...)
	r.want(2, 1)
	if !r.s.WantsKey(r.now) {
		t.Error("no key frame is wanted")
	}
	r.put(s.picture(shape{key: true})...)
	r.want(3, 2)
	if st := r.s.Stats(); st.Resets != 1 || st.GivenUp != 1 {
		t.Errorf("%+v", st)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []Config{
		{}, {Codec: 77}, {Codec: media.VP8, Packets: MinPackets - 1}, {Codec: media.VP8, Packets: MaxPackets + 1},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
	for _, n := range []int{MinPackets, MinPackets + 1, MaxPackets, 0} {
		if _, err := New(Config{Codec: media.VP8, Packets: n}); err != nil {
			t.Error(err)
		}
	}
}
