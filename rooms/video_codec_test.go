package rooms

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/confd/confd/media"
)

var (
	vp8   = media.VideoFormat{Codec: media.VP8}
	vp9   = media.VideoFormat{Codec: media.VP9}
	h264  = media.VideoFormat{Codec: media.H264, Profile: media.H264ConstrainedBaseline, PacketizationMode: 1}
	h2640 = media.VideoFormat{Codec: media.H264, Profile: media.H264ConstrainedBaseline}
	av1   = media.VideoFormat{Codec: media.AV1}
	none  = media.VideoFormat{}
)

type formats = []media.VideoFormat

func TestAgreedFormat(t *testing.T) {
	order := formats{vp8, h264, h2640, vp9}
	for name, c := range map[string]struct {
		policy VideoPolicy
		now    media.VideoFormat
		cans   []formats
		want   media.VideoFormat
	}{
		"nobody":                             {now: vp8, want: none},
		"the first by preference":            {cans: []formats{{vp9, h264, vp8}}, want: vp8},
		"what one can":                       {cans: []formats{{vp9}}, want: vp9},
		"what no configuration has":          {cans: []formats{{av1}}, want: none},
		"what most can":                      {cans: []formats{{vp8}, {h264}, {h264, vp8}, {h264}}, want: h264},
		"a tie by preference":                {cans: []formats{{h264}, {vp8}}, want: vp8},
		"a tie keeps what is in force":       {now: h264, cans: []formats{{h264}, {vp8}}, want: h264},
		"one more changes it":                {now: h264, cans: []formats{{h264}, {vp8}, {vp8}}, want: vp8},
		"modes are not the same":             {now: h264, cans: []formats{{h264}, {h2640}, {h2640}}, want: h2640},
		"in force, and not allowed any more": {now: av1, cans: []formats{{av1}, {av1}, {vp9}}, want: vp9},
		"in force, and nobody can it":        {now: h264, cans: []formats{{vp9}}, want: vp9},
		"fixed: the first by preference":     {policy: VideoFixed, cans: []formats{{vp9, h264}, {vp9}}, want: h264},
		"fixed: it stays":                    {policy: VideoFixed, now: h264, cans: []formats{{h264}, {vp8}, {vp8}}, want: h264},
		"fixed: until it serves nobody":      {policy: VideoFixed, now: h264, cans: []formats{{vp8}, {vp8, vp9}}, want: vp8},
	} {
		if got := agreed(c.policy, order, c.now, c.cans); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// A majority serves as many as can be, and what it settles on it keeps.
func TestAgreedFormatServesMost(t *testing.T) {
	order := formats{vp8, h264, h2640, vp9}
	all := append(formats{none, av1}, order...)
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		var cans []formats
		for range rnd.IntN(7) {
			can := slices.Clone(all[1:])
			rnd.Shuffle(len(can), func(i, j int) { can[i], can[j] = can[j], can[i] })
			cans = append(cans, can[:rnd.IntN(len(can)+1)])
		}
		now := all[rnd.IntN(len(all))]
		got := agreed(VideoMajority, order, now, cans)
		most := 0
		for _, f := range order {
			most = max(most, served(f, cans))
		}
		switch {
		case most == 0 && got != none, most > 0 && (!slices.Contains(order, got) || served(got, cans) != most):
			t.Fatalf("%v of %v with %v in force", got, cans, now)
		case got != now && slices.Contains(order, now) && served(now, cans) == most && most > 0:
			t.Fatalf("%v instead of %v, which serves as many of %v", got, now, cans)
		case agreed(VideoMajority, order, got, cans) != got:
			t.Fatalf("%v does not last with %v", got, cans)
		}
	}
}

func TestWhatPeersAreAsked(t *testing.T) {
	for name, c := range map[string]struct {
		have     videoHave
		room     media.VideoFormat
		ask      media.VideoFormat
		anything bool
	}{
		"it has it":                       {have: videoHave{can: formats{vp8}, accepted: formats{vp8}}, room: vp8, ask: vp8},
		"it has another":                  {have: videoHave{can: formats{h264, vp8}, accepted: formats{h264}}, room: vp8, ask: vp8, anything: true},
		"one of its lines has another":    {have: videoHave{can: formats{h264, vp8}, accepted: formats{vp8, h264}}, room: vp8, ask: vp8},
		"it was refused, and can it":      {have: videoHave{can: formats{h264, vp8}}, room: vp8, ask: vp8, anything: true},
		"it cannot":                       {have: videoHave{can: formats{h264}, accepted: formats{h264}}, room: vp8, anything: true},
		"it cannot, and has none":         {have: videoHave{can: formats{h264}}, room: vp8},
		"it did not want to":              {have: videoHave{can: formats{h264, vp8}, accepted: formats{h264}, refused: formats{vp8}}, room: vp8, anything: true},
		"it did not want to, nor to end":  {have: videoHave{can: formats{h264, vp8}, accepted: formats{h264}, refused: formats{vp8, none}}, room: vp8},
		"the room has no video":           {have: videoHave{can: formats{h264}, accepted: formats{h264}}, room: none, anything: true},
		"nothing is left, and it has not": {have: videoHave{}, room: none},
	} {
		if ask, anything := c.have.wants(c.room); anything != c.anything || anything && ask != c.ask {
			t.Errorf("%s: %v, %v, want %v, %v", name, ask, anything, c.ask, c.anything)
		}
	}
}
