package egress

import (
	"testing"

	"github.com/confd/confd/forwarder/ingress"
	"github.com/confd/confd/forwarder/payload"
	"github.com/confd/confd/media"
)

// shot is a picture as it is taken.
type shot struct {
	stream *ingress.Stream
	in     uint32
	began  int64
}

// stamps gives pictures to a rewriter and returns the timestamps that they leave with.
func stamps(r *rewriter, shots ...shot) (out []uint32) {
	for _, s := range shots {
		p := &picture{stream: s.stream, began: s.began, count: 1}
		r.number(p, &ingress.Packet{Timestamp: s.in})
		out = append(out, p.timestamp)
	}
	return out
}

func TestTimestamps(t *testing.T) {
	a, b := new(ingress.Stream), new(ingress.Stream)
	const start, top = 100_000, 1<<32 - 1
	ms := millisecond
	for name, c := range map[string]struct {
		shots []shot
		want  []uint32
	}{
		"the source's":             {[]shot{{a, top - 99, 0}, {a, 3500, 40 * ms}, {a, 7100, 90 * ms}}, []uint32{start, start + 3600, start + 7200}},
		"elapsed over a switch":    {[]shot{{a, 50, 0}, {b, 900_000, 40 * ms}, {b, 903_600, 81 * ms}}, []uint32{start, start + 3600, start + 7200}},
		"rising over a switch":     {[]shot{{a, 50, 40 * ms}, {b, 7, 40 * ms}, {a, 60, 0}}, []uint32{start, start + 90, start + 180}},
		"back and forth":           {[]shot{{a, 50, 0}, {b, 7, 20 * ms}, {a, 3650, 40 * ms}}, []uint32{start, start + 1800, start + 3600}},
		"B pictures":               {[]shot{{a, 0, 0}, {a, 10800, 40 * ms}, {a, 3600, 80 * ms}, {a, 7200, 120 * ms}, {b, 5, 160 * ms}}, []uint32{start, start + 10800, start + 3600, start + 7200, start + 10800 + 10800}},
		"one that stands still":    {[]shot{{a, 50, 0}, {a, 50, 40 * ms}, {a, 3650, 80 * ms}}, []uint32{start, start + 3600, start + 7200}},
		"one that drifts 5 s":      {[]shot{{a, 0, 0}, {a, 450_000, 0}, {a, 900_000, 0}}, []uint32{start, start + 450_000, start + 900_000}},
		"one that jumps":           {[]shot{{a, 0, 0}, {a, 453_601, 40 * ms}, {a, 457_201, 80 * ms}}, []uint32{start, start + 3600, start + 7200}},
		"one that is 1 s back":     {[]shot{{a, 90_000, 0}, {a, 0, 40 * ms}}, []uint32{start, start - 90_000}},
		"one that jumps backwards": {[]shot{{a, 90_001, 0}, {a, 0, 40 * ms}}, []uint32{start, start + 3600}},
	} {
		r := &rewriter{latest: start}
		got := stamps(r, c.shots...)
		for i := range c.want {
			if got[i] != c.want[i] {
				t.Errorf("%s: leave as %d, want %d", name, got, c.want)
				break
			}
		}
	}
}

// number is what the rewriter makes of a picture with ids.
func identify(r *rewriter, s *ingress.Stream, key bool, i payload.Info) payload.Numbers {
	p := &picture{stream: s, key: key, count: 1}
	r.number(p, &ingress.Packet{Info: i})
	return p.numbers
}

func TestPictureIDs(t *testing.T) {
	a, b := new(ingress.Stream), new(ingress.Stream)
	info := func(id uint16, bits, tl0, key uint8) payload.Info {
		return payload.Info{HasPictureID: true, PictureID: id, PictureIDBits: bits, HasTL0: true, TL0: tl0, HasKeyIndex: true, KeyIndex: key}
	}
	type step struct {
		stream *ingress.Stream
		key    bool
		in     payload.Info
		want   payload.Numbers
	}
	for _, c := range []struct {
		codec media.VideoCodec
		steps []step
	}{
		{media.VP8, []step{
			{a, true, info(900, 15, 255, 31), payload.Numbers{PictureID: 1, TL0: 1, KeyIndex: 1}},
			{a, false, info(901, 15, 255, 31), payload.Numbers{PictureID: 2, TL0: 1, KeyIndex: 1}},
			{a, false, info(905, 15, 0, 31), payload.Numbers{PictureID: 3, TL0: 2, KeyIndex: 1}}, // three of a layer were dropped
			{b, true, info(5, 7, 9, 3), payload.Numbers{PictureID: 4, TL0: 3, KeyIndex: 2}},
			{b, true, info(127, 7, 99, 9), payload.Numbers{PictureID: 5, TL0: 4, KeyIndex: 3}}, // after some that were lost
			{b, false, info(0, 7, 100, 9), payload.Numbers{PictureID: 6, TL0: 5, KeyIndex: 3}},
		}},
		{media.VP9, []step{
			{a, true, info(0x7fff, 15, 255, 0), payload.Numbers{PictureID: 1, TL0: 1, KeyIndex: 1}},
			{a, false, info(3, 15, 0, 0), payload.Numbers{PictureID: 5, TL0: 2, KeyIndex: 1}}, // its distance is kept
			{a, true, info(9, 15, 7, 0), payload.Numbers{PictureID: 11, TL0: 3, KeyIndex: 2}},
			{b, true, info(120, 7, 9, 0), payload.Numbers{PictureID: 12, TL0: 4, KeyIndex: 3}},
			{b, false, info(1, 7, 10, 0), payload.Numbers{PictureID: 21, TL0: 5, KeyIndex: 3}},
			{b, true, info(65, 7, 0, 0), payload.Numbers{PictureID: 85, TL0: 6, KeyIndex: 4}},
			{b, true, info(2, 7, 0, 0), payload.Numbers{PictureID: 86, TL0: 7, KeyIndex: 5}}, // it has begun anew
			{b, true, info(2, 7, 0, 0), payload.Numbers{PictureID: 87, TL0: 8, KeyIndex: 6}},
		}},
	} {
		r := &rewriter{codec: c.codec}
		for i, s := range c.steps {
			if got := identify(r, s.stream, s.key, s.in); got != s.want {
				t.Errorf("%v, picture %d: %+v, want %+v", c.codec, i, got, s.want)
			}
		}
	}
}

func TestNumbersWrap(t *testing.T) {
	r := &rewriter{codec: media.VP8, numbers: payload.Numbers{PictureID: 0x7fff, TL0: 255, KeyIndex: 31}}
	i := payload.Info{HasPictureID: true, PictureIDBits: 15, HasTL0: true, HasKeyIndex: true}
	if got := identify(r, new(ingress.Stream), true, i); got != (payload.Numbers{}) {
		t.Errorf("%+v, want zeros", got)
	}
}
