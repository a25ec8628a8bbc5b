package egress

import (
	"testing"

	"github.com/confd/confd/forwarder/ingress"
	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/media"
)

// temporal makes rates of layers that add up.
func temporal(layers ...uint64) (r ingress.Rates) {
	for t, bits := range layers {
		r[t][0] = bits
	}
	return r
}

func TestSelectorFits(t *testing.T) {
	simulcast := []ingress.Rates{temporal(50_000, 30_000, 20_000), temporal(250_000, 150_000, 100_000), temporal(600_000, 300_000, 300_000)}
	gone := []ingress.Rates{temporal(100_000), {}, temporal(1_000_000)}
	svc := []ingress.Rates{{{60_000, 240_000, 700_000}, {40_000, 160_000, 300_000}}}
	const all = every
	for name, c := range map[string]struct {
		rates []ingress.Rates
		limit uint64
		low   bool
		want  Layers
	}{
		"unknown: all":                           {simulcast, 0, false, Layers{2, all, all}},
		"all fits":                               {simulcast, 1_200_000, false, Layers{2, all, all}},
		"the highest at half its frame rate":     {simulcast, 1_199_999, false, Layers{2, 1, all}},
		"still":                                  {simulcast, 900_000, false, Layers{2, 1, all}},
		"the next, rather than a quarter":        {simulcast, 899_999, false, Layers{1, all, all}},
		"the lowest at half its frame rate":      {simulcast, 99_999, false, Layers{0, 1, all}},
		"the lowest at a quarter":                {simulcast, 79_999, false, Layers{0, 0, all}},
		"nothing fits: the least there is":       {simulcast, 1, false, Layers{0, 0, all}},
		"low: the least there is":                {simulcast, 0, true, Layers{0, 0, all}},
		"an encoding that is not sent":           {gone, 900_000, false, Layers{0, all, all}},
		"only higher ones are sent":              {[]ingress.Rates{{}, temporal(500_000)}, 1, false, Layers{1, all, all}},
		"more than can be":                       {simulcast, 1<<64 - 1, false, Layers{2, all, all}},
		"nothing was measured yet":               {[]ingress.Rates{{}, {}}, 0, false, Layers{0, all, all}},
		"spatial layers: all":                    {svc, 1_500_000, false, Layers{0, all, all}},
		"the highest of them at half the rate":   {svc, 1_000_000, false, Layers{0, 0, all}},
		"the one in the middle":                  {svc, 999_999, false, Layers{0, all, 1}},
		"the lowest":                             {svc, 100_000, false, Layers{0, all, 0}},
		"low mode takes the lowest layer of all": {svc, 5_000_000, true, Layers{0, 0, 0}},
	} {
		s := selector{count: len(c.rates), fresh: true}
		copy(s.rates[:], c.rates)
		if got := s.choose(c.limit, c.low, 1e15); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestSelectorHesitatesUpwards(t *testing.T) {
	s := selector{count: 2, fresh: true}
	s.rates[0], s.rates[1] = temporal(100_000), temporal(400_000)
	now := int64(1e15)
	at := func(limit uint64, passed int64) uint8 {
		now += passed
		return s.choose(limit, false, now).Encoding
	}
	for _, c := range []struct {
		limit  uint64
		passed int64
		want   uint8
		why    string
	}{
		{399_999, 0, 0, "does not fit"},
		{499_999, 9 * second, 0, "more than four fifths"},
		{500_000, 0, 0, "fits, but not for long"},
		{500_000, upAfter - 1, 0, "still not for long"},
		{499_999, 0, 0, "interrupted"},
		{500_000, 1, 0, "anew"},
		{500_000, upAfter, 1, "for two seconds"},
		{400_000, 0, 1, "fits as it is"},
		{399_999, 0, 0, "down at once"},
	} {
		if got := at(c.limit, c.passed); got != c.want {
			t.Errorf("%d bits/s (%s): encoding %d, want %d", c.limit, c.why, got, c.want)
		}
	}
}

func TestASourceThatPausesIsShownAsBefore(t *testing.T) {
	b := newBench(t, Config{Codec: media.VP8})
	one := b.source(2, vp8(1))
	b.run(5)
	b.show(one)
	b.run(20)
	for _, c := range one.cameras {
		c.Skip(75)
	}
	b.pass(3 * second)
	b.to.seen()
	b.runAndAnswer(20)
	if s := b.to.seen(); len(s) != 20 || s[0].Encoding != 1 || len(keys(s)) != 0 {
		t.Errorf("saw %v", s)
	}
}

func TestAnEncodingThatStopsIsLeft(t *testing.T) {
	s := selector{count: 2, fresh: true}
	s.rates[0], s.rates[1] = temporal(100_000), temporal(400_000)
	now := int64(1e15)
	s.choose(0, false, now)
	s.rates[1] = ingress.Rates{}
	for _, c := range []struct {
		passed int64
		want   uint8
	}{{0, 1}, {chooseEvery - 1, 1}, {1, 0}} {
		now += c.passed
		if got := s.choose(0, false, now).Encoding; got != c.want {
			t.Errorf("encoding %d, want %d", got, c.want)
		}
	}
}

func TestChoosesAtOnceWhenThereIsSomethingToChooseFrom(t *testing.T) {
	b := newBench(t, Config{Codec: media.VP8})
	one := b.source(2, vp8(1))
	b.show(one) // nothing has come yet
	b.runAndAnswer(10)
	if s := b.to.seen(); len(s) == 0 || s[len(s)-1].Encoding != 1 {
		t.Errorf("saw %v", s)
	}
}

func layered(c media.VideoCodec, temporal, spatial int) pictures.Config {
	return pictures.Config{Codec: c, Source: 1, PictureIDBits: 15, Temporal: temporal, Spatial: spatial, Marking: true}
}

func TestTemporalLayers(t *testing.T) {
	for _, codec := range []media.VideoCodec{media.VP8, media.VP9, media.H264} {
		b := newBench(t, Config{Codec: codec})
		one := b.source(1, layered(codec, 3, 1))
		b.show(one)
		b.run(40)
		rates := *one.streams[0].Bitrates(b.now)
		b.to.seen()
		b.SetEstimate(rates.UpTo(1, 0) + rates[2][0]/2)
		b.run(40)
		for i, s := range b.to.seen() {
			if s.Temporal > 1 {
				t.Errorf("%v: picture %d is of layer %d", codec, i, s.Temporal)
			}
		}
		b.SetEstimate(0)
		b.run(51 + 20) // two seconds, then at the next sync points
		top := 0
		for _, s := range b.to.seen() {
			if s.Temporal == 2 {
				top++
			}
		}
		if st := b.Stats(b.now); top == 0 || st.KeyFrames != 1 || st.Filtered < 20 || st.Layers.Temporal != every {
			t.Errorf("%v: %d pictures of the highest layer, %+v", codec, top, st)
		}
	}
}

func TestALayerIsAddedAtASyncPointOnly(t *testing.T) {
	s := New(Config{})
	s.wanted.Temporal = 3
	s.selector.rates[0] = temporal(1, 1, 1, 1)
	for _, c := range []struct {
		layer uint8
		sync  bool
		want  bool
	}{{1, false, false}, {2, true, false}, {1, true, true}, {1, false, true}, {2, true, true}, {3, true, true}} {
		if got := s.wants(&ingress.Frame{Temporal: c.layer, Sync: c.sync}); got != c.want {
			t.Errorf("layer %d, sync point: %v: %v, want %v", c.layer, c.sync, got, c.want)
		}
	}
	if s.stats.Filtered != 2 || s.layers.Temporal != 3 {
		t.Errorf("%+v, %+v", s.layers, s.stats)
	}
}

func TestAsksForAKeyFrameForMoreNowAndThenOnly(t *testing.T) {
	now := int64(1e15)
	for _, c := range []struct {
		lacking, keyAt int64
		want           bool
	}{
		{0, 0, false}, {now - second, now - moreKeyEvery, true},
		{now - second + 1, now - moreKeyEvery, false}, {now - second, now - moreKeyEvery + 1, false},
	} {
		s := Subscription{lacking: c.lacking, keyAt: c.keyAt}
		if got := s.needsKeyForMore(now); got != c.want {
			t.Errorf("lacking since %d, a key frame at %d: %v, want %v", c.lacking-now, c.keyAt-now, got, c.want)
		}
	}
}

func TestSpatialLayers(t *testing.T) {
	for _, codec := range []media.VideoCodec{media.VP9, media.AV1} {
		b := newBench(t, Config{Codec: codec})
		one := b.source(1, layered(codec, 1, 3))
		b.show(one)
		b.run(30)
		if s := b.to.seen(); len(s) != 30 || s[29].Spatial != 2 {
			t.Fatalf("%v: saw %v", codec, s)
		}
		rates := *one.streams[0].Bitrates(b.now)
		b.SetEstimate(rates.UpTo(0, 1) * 5 / 4)
		b.run(30)
		if s := b.to.seen(); len(s) != 30 || s[29].Spatial != 1 {
			t.Fatalf("%v: saw %v", codec, s)
		}
		b.SetEstimate(0)
		b.run(26 + 51) // it hesitates for two seconds, then waits for a key frame to come by itself
		if s := b.to.seen(); s[len(s)-1].Spatial != 1 {
			t.Fatalf("%v: a layer was added without a key frame", codec)
		}
		b.run(30)
		if _, current := b.Wants(b.now); current != one.streams[0] {
			t.Fatalf("%v: no key frame is wanted for more", codec)
		}
		b.answer()
		b.run(2)
		if s := b.to.seen(); s[len(s)-1].Spatial != 2 {
			t.Fatalf("%v: saw %v", codec, s)
		}
		if _, current := b.Wants(b.now); current != nil {
			t.Errorf("%v: still wants a key frame", codec)
		}
	}
}

func TestEncodingsByEstimate(t *testing.T) {
	b := newBench(t, Config{Codec: media.VP8})
	c := vp8(1)
	c.Bytes = 1000
	one := b.source(3, c) // 0.2, 0.8, 3.2 Mbit/s
	b.run(26)
	b.show(one)
	b.run(5)
	if s := b.to.seen(); s[len(s)-1].Encoding != 2 {
		t.Fatalf("saw %v", s)
	}
	b.SetEstimate(1_500_000)
	b.run(1)
	if next, _ := b.Wants(b.now); next != one.streams[1] {
		t.Fatal("does not want the encoding that fits")
	}
	b.answer()
	b.run(5)
	if s := b.to.seen(); s[len(s)-1].Encoding != 1 {
		t.Fatalf("saw %v", s)
	}
	b.SetEstimate(20_000_000)
	b.run(45)
	if next, _ := b.Wants(b.now); next != nil {
		t.Fatal("wants more before two seconds have passed")
	}
	b.run(15)
	b.answer()
	b.run(2)
	if s := b.to.seen(); s[len(s)-1].Encoding != 2 {
		t.Fatalf("saw %v", s)
	}
}
