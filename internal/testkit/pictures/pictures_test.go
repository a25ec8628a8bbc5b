package pictures

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/confd/confd/media"
)

var codecs = []media.VideoCodec{media.VP8, media.VP9, media.H264, media.H265, media.AV1}

func each(t *testing.T, do func(t *testing.T, c Config)) {
	for _, codec := range codecs {
		for temporal := 1; temporal <= 3; temporal++ {
			for spatial := 1; spatial <= 3; spatial++ {
				if spatial > 1 && codec != media.VP9 && codec != media.AV1 {
					continue
				}
				c := Config{Codec: codec, Source: 5, SSRC: 9, Temporal: temporal, Spatial: spatial, PictureIDBits: 15, Marking: true, Flexible: temporal == 2,
					Sequence: 65530, Timestamp: 1<<32 - 7200, PictureID: 0x7ffe, TL0: 255, KeyIndex: 31}
				t.Run(fmt.Sprintf("%v T%d S%d", codec, temporal, spatial), func(t *testing.T) { do(t, c) })
			}
		}
	}
}

func TestACamerasStreamIsAsStrictAsTheChecker(t *testing.T) {
	each(t, func(t *testing.T, config Config) {
		camera, checker := New(config), NewChecker(config.Codec)
		for n := range 40 {
			for _, p := range camera.Next(n%15 == 14) {
				if len(p.Payload) > 1200 {
					t.Fatalf("a payload of %d bytes", len(p.Payload))
				}
				if err := checker.Packet(&p); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := checker.Complete(); err != nil {
			t.Fatal(err)
		}
		keys := 0
		for n, s := range checker.Pictures {
			if s.Source != 5 || s.Number != uint32(n) || int(s.Spatial) != config.Spatial-1 {
				t.Errorf("picture %d is %+v", n, s)
			}
			if s.Key {
				keys++
			}
		}
		if len(checker.Pictures) != 40 || keys != 3 || !checker.Pictures[0].Switched || checker.Pictures[1].Switched {
			t.Errorf("%d pictures, %d of them key", len(checker.Pictures), keys)
		}
	})
}

// Pictures of the highest temporal layer can be left out.
func TestTemporalLayersCanBeLeftOut(t *testing.T) {
	each(t, func(t *testing.T, config Config) {
		if config.Temporal == 1 || config.Codec == media.VP8 {
			return
		}
		camera, checker := New(config), NewChecker(config.Codec)
		sequence := uint16(0)
		for range 20 {
			for _, p := range camera.Next(false) {
				if tag, err := ReadTag(p.Payload); err != nil || int(tag.Temporal) == config.Temporal-1 {
					continue
				}
				p.Sequence = sequence
				sequence++
				if err := checker.Packet(&p); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// Whatever goes wrong once is told.
func TestTheCheckerTellsWhatIsWrong(t *testing.T) {
	// A stream of three pictures of four packets or so, the first key.
	film := func(c Config) (all []Packet) {
		camera := New(c)
		for range 3 {
			all = append(all, camera.Next(false)...)
		}
		return all
	}
	vp8 := Config{Codec: media.VP8, PictureIDBits: 15, Temporal: 2, PictureID: 100}
	first := 11 // packets of the key frame
	for _, c := range []struct {
		name   string
		change func(all []Packet) []Packet
		want   string
	}{
		{"packet lost", func(all []Packet) []Packet { return slices.Delete(all, 2, 3) }, "after sequence 1"},
		{"packet lost, numbers closed", func(all []Packet) []Packet { return number(slices.Delete(all, 2, 3)) }, "packet 3 of 11 after source 0"},
		{"end lost, numbers closed", func(all []Packet) []Packet { return number(slices.Delete(all, first-1, first)) }, "ended without a marker"},
		{"end lost, marker set", func(all []Packet) []Packet {
			all[first-2].Marker = true
			return number(slices.Delete(all, first-1, first))
		}, "ends with"},
		{"key frame lost", func(all []Packet) []Packet { return number(all[first:]) }, "no key frame"},
		{"two SSRCs", func(all []Packet) []Packet { all[3].SSRC++; return all }, "SSRC"},
		{"timestamp runs back", func(all []Packet) []Packet { return stamp(all, first, ^uint32(0)) }, "after timestamp"},
		{"timestamp stands", func(all []Packet) []Packet { return stamp(all, first, 0) }, "after timestamp"},
		{"timestamp jumps", func(all []Packet) []Packet { return stamp(all, first, 900001) }, "after timestamp"},
		{"timestamp drifts", func(all []Packet) []Packet { return stamp(all, first, 3601) }, "comes 3601 ticks"},
		{"marker within", func(all []Packet) []Packet { all[1].Marker = true; return all }, "ends with"},
		{"payload harmed", func(all []Packet) []Packet { all[1].Payload[900]++; return all }, "filling"},
		{"payload cut", func(all []Packet) []Packet { all[1].Payload = all[1].Payload[:900]; return all }, "filling"},
		{"descriptor cut", func(all []Packet) []Packet { all[1].Payload = all[1].Payload[:3]; return all }, "descriptor"},
		{"picture id repeated", func(all []Packet) []Packet { return each8(all, first, 3, 100) }, "id 100 after 100"},
		{"picture id differs within", func(all []Packet) []Packet { all[1].Payload[3]++; return all }, "began with"},
		{"TL0PICIDX steps with a higher layer", func(all []Packet) []Packet { return each8(all, first, 4, 1) }, "TL0PICIDX 1, want 0"},
		{"KEYIDX steps without a key frame", func(all []Packet) []Packet { return each8(all, first, 5, 0x61) }, "KEYIDX 1, want 0"},
		{"another temporal layer", func(all []Packet) []Packet { return each8(all, first, 5, 0x80) }, "says layer 0/2"},
		{"within a picture at the end", func(all []Packet) []Packet { return all[:first-1] }, "ends within"},
	} {
		t.Run(c.name, func(t *testing.T) {
			checker := NewChecker(media.VP8)
			var said []string
			for _, p := range c.change(film(vp8)) {
				if err := checker.Packet(&p); err != nil {
					said = append(said, err.Error())
				}
			}
			if err := checker.Complete(); err != nil {
				said = append(said, err.Error())
			}
			if !strings.Contains(strings.Join(said, "\n"), c.want) {
				t.Errorf("%q, want %q", said, c.want)
			}
		})
	}
}

func TestTheCheckerKnowsWhatPicturesNeed(t *testing.T) {
	one := Config{Codec: media.VP9, PictureIDBits: 15, Temporal: 2, Spatial: 2, Flexible: true, Source: 1}
	two := one
	two.Source = 2
	one.Timestamp = 90000
	a, b := New(one), New(two)
	feed := func(checker *Checker, packets []Packet, want string) {
		t.Helper()
		var err error
		for _, p := range packets {
			p.Sequence, p.SSRC = checker.last.Sequence+1, 0
			err = checker.Packet(&p)
		}
		if got := fmt.Sprint(err); !strings.Contains(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
	checker := NewChecker(media.VP9)
	key := a.Next(true)
	lower := slices.DeleteFunc(key, func(p Packet) bool { tag, _ := ReadTag(p.Payload); return tag.Spatial == 1 })
	lower[len(lower)-1].Marker = true
	feed(checker, b.Next(true), "<nil>")
	feed(checker, b.Next(false), "<nil>")
	b.Next(false)
	feed(checker, b.Next(false), "needs 2, which has not come")
	feed(checker, b.Next(true), "<nil>")
	feed(checker, a.Next(false), "begins with picture 1, which is no key frame")
	checker = NewChecker(media.VP9)
	feed(checker, lower, "<nil>")
	feed(checker, a.Next(false), "needs layer 1 of 0, of which only up to 0 came")
}

// number numbers packets anew.
func number(all []Packet) []Packet {
	for n := range all {
		all[n].Sequence = uint16(n)
	}
	return all
}

// stamp has the second picture come step ticks after the first.
func stamp(all []Packet, first int, step uint32) []Packet {
	for n := first; n < len(all) && (n == first || !all[n-1].Marker); n++ {
		all[n].Timestamp = all[0].Timestamp + step
	}
	return all
}

// each8 sets a byte of the second picture's descriptors.
func each8(all []Packet, first, at int, to byte) []Packet {
	for n := first; n < len(all) && (n == first || !all[n-1].Marker); n++ {
		all[n].Payload[at] = to
	}
	return all
}
