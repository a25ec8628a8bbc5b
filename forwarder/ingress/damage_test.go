package ingress

import (
	"testing"
	"time"

	"github.com/confd/confd/media"
)

// layered is a pattern of two temporal layers, of three with sync, as encoders make them.
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
		"the highest layer's":                {steps: []step{{shape: top, lost: lost}, {shape: base}, {shape: upper}, {shape: top, after: true}}},
		"one that nobody needs":              {steps: []step{{shape: unneeded, lost: lost}, {shape: base}}},
		"two in a row":                       {steps: []step{{shape: upper, lost: lost}, {shape: base, lost: lost}, {shape: base, after: true}}, wants: true},
		"a key frame mends all":              {steps: []step{{shape: base, lost: lost}, {shape: base, after: true}, {shape: shape{packets: 2, key: true}}, {shape: top}}},
		"without ids, one that nobody needs": {bare: true, steps: []step{{shape: unneeded, lost: lost}, {shape: base, after: true}}, wants: true},
		"h264, a reference":                  {codec: media.H264, steps: []step{{shape: base, lost: lost}, {shape: base, after: true}}, wants: true},
	} {
		t.Run(name, func(t *testing.T) {
			codec := media.VP8
			if c.codec != 0 {
				codec = c.codec
			}
			r := newRun(t, Config{Codec: codec})
			s := &source{codec: codec, bare: c.bare}
			if codec == media.H264 {
				s.bare = false
			}
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
		after bool
	}{
		"an upper one before a base":     {pictures{upper}, base, false},
		"an upper one before an upper":   {pictures{upper}, upper, true},
		"a base one before a base":       {pictures{base}, base, true},
		"a base one before an upper":     {pictures{base}, upper, true},
		"both before a base":             {pictures{base, upper}, base, true},
		"256 base ones look like none":   {nil, base, false},
		"several upper ones before base": {pictures{upper, upper, upper}, base, false},
	} {
		r := newRun(t, Config{Codec: media.VP8})
		s := &source{codec: media.VP8}
		r.put(s.picture(shape{key: true})...)
		for _, l := range c.lost {
			s.picture(l)
		}
		r.put(s.picture(c.next)...)
		r.pass(100 * ms)
		if len(r.frames) != 2 || r.frames[1].After != c.after {
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
