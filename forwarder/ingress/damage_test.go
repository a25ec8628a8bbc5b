package ingress

import (
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
)

// What follows a loss is marked if, and only if, it needs what was lost.
func TestWhatIsMarkedAfterALoss(t *testing.T) {
	const lost = true
	type step struct {
		shape
		lost  bool // its first packet; of two
		after bool
	}
	base, upper := shape{packets: 2}, shape{packets: 2, temporal: 1}
	top := shape{packets: 2, temporal: 2}
	sync := shape{packets: 2, temporal: 1, sync: true}
	unneeded := shape{packets: 2, unneeded: true}
	for name, c := range map[string]struct {
		codec media.VideoCodec
		bare  bool
		steps []step
		wants bool // a key frame, at the end
	}{
		"a base layer's picture": {steps: []step{{shape: base, lost: lost}, {shape: base, after: true}, {shape: upper, after: true}}, wants: true},
		"a higher layer's": {steps: []step{{shape: upper, lost: lost}, {shape: base}, {shape: upper, after: true}, {shape: base}, {shape: top, after: true},
			{shape: sync}, {shape: upper}, {shape: top, after: true}, {shape: shape{packets: 2, temporal: 2, sync: true}}, {shape: top}}},
		"a layer in between":                 {steps: []step{{shape: upper, lost: lost}, {shape: shape{packets: 2, temporal: 2, sync: true}, after: true}, {shape: sync}, {shape: shape{packets: 2, temporal: 2, sync: true}}}},
		"the highest layer's":                {steps: []step{{shape: top, lost: lost}, {shape: base}, {shape: upper}, {shape: top, after: true}}},
		"one that nobody needs":              {steps: []step{{shape: unneeded, lost: lost}, {shape: base}}},
		"two in a row":                       {steps: []step{{shape: upper, lost: lost}, {shape: base, lost: lost}, {shape: base, after: true}}, wants: true},
		"a key frame mends all":              {steps: []step{{shape: base, lost: lost}, {shape: base, after: true}, {shape: shape{packets: 2, key: true}}, {shape: top}}},
		"without ids, one that nobody needs": {bare: true, steps: []step{{shape: unneeded, lost: lost}, {shape: base, after: true}}, wants: true},
		"h264, a reference":                  {codec: media.H264, steps: []step{{shape: base, lost: lost}, {shape: base, after: true}}, wants: true},
	} {
		t.Run(name, func(t *testing.T) {
			codec := max(c.codec, media.VP8)
			r := newRun(t, Config{Codec: codec})
			s := &source{codec: codec, bare: c.bare}
			r.put(s.picture(shape{key: true})...)
			for i, step := range c.steps {
				p := s.picture(step.shape)
				if step.lost {
					r.put(p[1:]...)
					continue
				}
				n := len(r.frames)
				r.put(p...)
				r.pass(time.Second / 10)
				if len(r.frames) != n+1 {
					t.Fatalf("step %d: %d pictures, had %d", i, len(r.frames), n)
				}
				if got := r.frames[n].After; got != step.after {
					t.Errorf("step %d: after %v", i, got)
				}
			}
			if got := r.s.WantsKey(r.now); got != c.wants {
				t.Errorf("wants a key frame: %v", got)
			}
		})
	}
}

// H.264 has no picture ids: only a hole within a picture that is no reference harms nothing.
func TestAHoleWithinAPictureThatNobodyNeeds(t *testing.T) {
	for _, c := range []struct {
		missing int
		after   bool
	}{{1, false}, {0, true}, {3, true}} {
		r := newRun(t, Config{Codec: media.H264})
		s := &source{codec: media.H264}
		r.put(s.picture(shape{key: true})...)
		p := s.picture(shape{packets: 4, unneeded: true})
		for i := range p {
			if i != c.missing {
				r.put(p[i])
			}
		}
		r.put(s.picture(shape{packets: 2})...)
		r.pass(100 * ms)
		if len(r.frames) != 2 || r.frames[1].After != c.after {
			t.Errorf("packet %d missing: %+v", c.missing, r.frames[1:])
		}
	}
}

func TestWholePicturesMissing(t *testing.T) {
	type pictures []shape
	base, upper := shape{}, shape{temporal: 1}
	for name, c := range map[string]struct {
		lost  pictures
		next  shape
		after bool // next
		base  bool // a picture of the base layer, then
	}{
		"an upper one before a base":     {pictures{upper}, base, false, false},
		"an upper one before an upper":   {pictures{upper}, upper, true, false},
		"a base one before a base":       {pictures{base}, base, true, true},
		"a base one before an upper":     {pictures{base}, upper, true, true},
		"both before a base":             {pictures{base, upper}, base, true, true},
		"none":                           {nil, base, false, false},
		"several upper ones before base": {pictures{upper, upper, upper}, base, false, false},
	} {
		r := newRun(t, Config{Codec: media.VP8})
		s := &source{codec: media.VP8}
		r.put(s.picture(shape{key: true})...)
		for _, l := range c.lost {
			s.picture(l)
		}
		r.put(s.picture(c.next)...)
		r.put(s.picture(base)...)
		r.pass(100 * ms)
		if len(r.frames) != 3 || r.frames[1].After != c.after || r.frames[2].After != c.base {
			t.Errorf("%s: %+v", name, r.frames[1:])
		}
	}
}

// Padding that got lost is no picture that got lost.
func TestLostPaddingHarmsNothing(t *testing.T) {
	r := newRun(t, Config{Codec: media.VP8})
	s := &source{codec: media.VP8}
	r.put(s.picture(shape{key: true})...)
	s.padding()
	s.padding()
	r.put(s.picture(shape{})...)
	r.pass(100 * ms)
	r.want(2, 2)
}

func TestABrokenUpperLayerWantsAKeyFrameInTheEnd(t *testing.T) {
	r := newRun(t, Config{Codec: media.VP8})
	s := &source{codec: media.VP8}
	r.put(s.picture(shape{key: true})...)
	r.put(s.picture(shape{packets: 2, temporal: 1})[1])
	r.put(s.picture(shape{})...)
	r.pass(50 * ms)
	if r.s.WantsKey(r.now) {
		t.Error("wanted at once")
	}
	r.pass(time.Second)
	if !r.s.WantsKey(r.now) {
		t.Error("not wanted after a second")
	}
}

// Packets that do not tell whether their picture is needed do not keep it from being
// discardable: those of VP9 but for the first of a layer, and what comes ahead of slices.
func TestDiscardablePictures(t *testing.T) {
	for name, c := range map[string]struct {
		codec    media.VideoCodec
		payloads [][]byte
		want     bool
	}{
		"vp9":                       {media.VP9, [][]byte{vp9Packet(0x08, 1, 0, false), vp9Packet(0, 1, 0, false), vp9Packet(0x04, 1, 0, false)}, true},
		"vp9, needed":               {media.VP9, [][]byte{vp9Packet(0x08, 1, 0, true), vp9Packet(0x04, 1, 0, true)}, false},
		"vp9, its upper one needed": {media.VP9, [][]byte{vp9Packet(0x0c, 1, 0, false), vp9Packet(0x0c, 1, 1, true)}, false},
		"h264":                      {media.H264, [][]byte{delim, {0x06, 5, 0, 0x80}, {0x01, 0x9a, 1}, {0x01, 0x5a, 1}}, true},
		"h264, needed":              {media.H264, [][]byte{delim, {0x41, 0x9a, 1}, {0x41, 0x5a, 1}}, false},
	} {
		r := newRun(t, Config{Codec: c.codec})
		var all []one
		for i, p := range c.payloads {
			all = append(all, one{1, p, i == len(c.payloads)-1})
		}
		send(r, 1, all...)
		if r.want(1, 0); r.frames[0].Discardable != c.want {
			t.Errorf("%s: %+v", name, r.frames[0])
		}
	}
}

// vp9Packet is a packet of a spatial layer of the base layer in time; begin and end are as in the
// descriptor.
func vp9Packet(begin, id, spatial uint8, needed bool) []byte {
	refresh := byte(0)
	if needed {
		refresh = 0xff
	}
	return []byte{0xe0 | begin, 0x80, id, spatial << 1, id, 0x87, refresh, 0, 0}
}

// Of a VP9 picture whose lower layer nobody needs, the upper one may be what was lost.
func TestALostLayerMayBeNeeded(t *testing.T) {
	r := newRun(t, Config{Codec: media.VP9})
	camera := pictures.New(pictures.Config{Codec: media.VP9, PictureIDBits: 15, Spatial: 2, KeyBytes: 100})
	for _, p := range camera.Next(true) {
		r.put(transport.VideoPacket{Timestamp: 3000, Sequence: p.Sequence, Marker: p.Marker, Payload: p.Payload})
	}
	r.want(1, 1)
	send(r, 3, one{2, vp9Packet(0x0c, 1, 0, false), false})
	send(r, 5, one{3, vp9Packet(0x0c, 2, 0, true), false}, one{3, vp9Packet(0x0c, 2, 1, true), true})
	r.pass(100 * ms)
	r.want(2, 1)
}

// AV1 tells by no packet but a new sequence's that a picture begins with it.
func TestAnAV1PictureBehindAHole(t *testing.T) {
	frame := []byte{0x10, 0x30, 1, 2, 3} // a frame's OBU, whole
	for _, behind := range []bool{true, false} {
		r := newRun(t, Config{Codec: media.AV1})
		send(r, 1, one{1, []byte{0x18, 0x0a, 1, 2, 3}, true}, one{2, frame, true})
		n := len(r.frames)
		first := uint16(3)
		if behind {
			first++
		}
		send(r, first, one{3, frame, false}, one{3, frame, true})
		r.pass(100 * ms)
		if got := len(r.frames) - n; got != 1 != behind {
			t.Errorf("behind a hole %v: %d pictures; %+v", behind, got, r.s.Stats())
		}
	}
}
