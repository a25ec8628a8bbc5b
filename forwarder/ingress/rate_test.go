package ingress

import (
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
)

func TestBitratesByLayer(t *testing.T) {
	r := newRun(t, Config{Codec: media.VP8})
	s := &source{codec: media.VP8}
	if got := r.s.Bitrates(r.now).UpTo(255, 255); got != 0 {
		t.Errorf("%d bits/s before the first packet", got)
	}
	for i := range 100 { // 50 a second: 25 of the base layer, 25 above, 138 and 238 bytes each
		r.now += 20 * millisecond
		f := shape{size: 126, key: i == 0}
		if i%2 == 1 {
			f = shape{size: 226, temporal: 1}
		}
		r.put(s.picture(f)...)
	}
	rates := r.s.Bitrates(r.now)
	for _, c := range []struct {
		name      string
		got, want uint64
	}{
		{"the base layer", rates[0][0], 25 * 138 * 8}, {"the upper layer", rates[1][0], 25 * 238 * 8},
		{"up to the base layer", rates.UpTo(0, 0), 25 * 138 * 8}, {"all", rates.UpTo(255, 255), 25 * 376 * 8},
	} {
		if c.got < c.want*9/10 || c.got > c.want*11/10 {
			t.Errorf("%s has %d bits/s, want about %d", c.name, c.got, c.want)
		}
	}
	r.pass(time.Second + 125*ms)
	if got := r.s.Bitrates(r.now).UpTo(255, 255); got != 0 {
		t.Errorf("%d bits/s after a second of silence", got)
	}
}

// Each layer's packets count with it, also those that do not tell.
func TestBitratesOfSpatialLayers(t *testing.T) {
	for _, codec := range []media.VideoCodec{media.VP9, media.AV1} {
		r := newRun(t, Config{Codec: codec})
		camera := pictures.New(pictures.Config{Codec: codec, Spatial: 2, Temporal: 2, PictureIDBits: 15, Bytes: 6000, KeyBytes: 6000})
		for range 100 {
			r.now += 40 * millisecond
			for _, p := range camera.Next(false) {
				r.put(transport.VideoPacket{Timestamp: p.Timestamp, Sequence: p.Sequence, Marker: p.Marker, Payload: p.Payload})
			}
		}
		rates := r.s.Bitrates(r.now) // 3,000 bytes a layer, half of them in each temporal one
		for temporal := range 2 {
			for spatial := range 2 {
				if got := rates[temporal][spatial]; got < 270_000 || got > 340_000 {
					t.Errorf("%v layer %d/%d: %d bits/s", codec, spatial, temporal, got)
				}
			}
		}
	}
}

func TestBitrateOfAYoungStream(t *testing.T) {
	r := newRun(t, Config{Codec: media.VP8})
	s := &source{codec: media.VP8}
	for i := range 20 { // 200 ms at 800 kbit/s
		r.put(s.picture(shape{size: 988, key: i == 0})...)
		r.now += 10 * millisecond
	}
	if got := r.s.Bitrates(r.now).UpTo(255, 255); got < 500e3 || got > 1200e3 {
		t.Errorf("%d bits/s", got)
	}
}

func TestKeyFramesAreTimed(t *testing.T) {
	r, s := vp8(t)
	if r.s.KeyFrameAt() != 0 || r.s.KeyInterval() != 0 {
		t.Error("key frames before the first packet")
	}
	for range 10 {
		r.now += 2 * second
		p := s.picture(shape{packets: 3, key: true})
		began := r.now
		r.put(p[:1]...)
		if r.s.KeyFrameAt() != began {
			t.Errorf("the key frame began at %d, says %d", began, r.s.KeyFrameAt())
		}
		r.put(p[1:]...)
		r.put(s.picture(shape{})...)
	}
	if got := r.s.KeyInterval(); got != 2*time.Second {
		t.Errorf("a key frame every %v", got)
	}
	if w, h := r.s.Size(); w != 640 || h != 480 || r.frames[1].Width != 640 {
		t.Errorf("%d x %d", w, h)
	}
}

func BenchmarkStream(b *testing.B) {
	s, _ := New(Config{Codec: media.VP8, NACK: true})
	from := &source{codec: media.VP8}
	p := from.picture(shape{packets: 1 << 12, key: true, size: 1200})
	var dst [MaxOutstanding]uint16
	b.ReportAllocs()
	now := int64(time.Hour)
	n := 0
	for b.Loop() {
		one := p[n%len(p)]
		one.Sequence, one.Timestamp, one.Marker = uint16(n), uint32(n/5), n%5 == 4
		if n%5 == 0 {
			one.Payload = p[0].Payload
		} else {
			one.Payload = p[1].Payload
		}
		one.Arrival = now
		s.Put(&one)
		if n++; n%5 == 0 {
			now += 33 * millisecond
			s.Advance(now)
			for s.Next() != nil {
			}
			s.Missing(now, dst[:0])
		}
	}
	if s.Stats().Frames == 0 {
		b.Fatal("no pictures")
	}
}
