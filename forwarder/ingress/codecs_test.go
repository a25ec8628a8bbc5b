package ingress

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
)

var cameras = []pictures.Config{
	{Codec: media.VP8},
	{Codec: media.VP8, PictureIDBits: 7, Temporal: 2, PictureID: 120},
	{Codec: media.VP8, PictureIDBits: 15, Temporal: 3, PictureID: 32700, TL0: 250},
	{Codec: media.VP9, PictureIDBits: 15},
	{Codec: media.VP9, PictureIDBits: 15, Temporal: 3, Spatial: 3},
	{Codec: media.VP9, PictureIDBits: 15, Temporal: 2, Spatial: 2, Flexible: true},
	{Codec: media.H264},
	{Codec: media.H264, Marking: true, Temporal: 3},
	{Codec: media.H265},
	{Codec: media.H265, Temporal: 2},
	{Codec: media.AV1},
	{Codec: media.AV1, Temporal: 2, Spatial: 2},
}

// shooting is a camera behind a bad network.
type shooting struct {
	*run
	camera *pictures.Camera
	random *rand.Rand
	sent   map[uint16]transport.VideoPacket // for repairs
	late   []transport.VideoPacket
	shown  map[uint32]bool // decodable pictures by number
	count  int
}

// shoot sends the next picture with a share of loss, in percent.
func (f *shooting) shoot(key bool, loss int, nack bool) {
	f.Helper()
	f.now += 40 * millisecond
	batch := f.late
	f.late = nil
	for _, p := range f.camera.Next(key) {
		one := transport.VideoPacket{SSRC: p.SSRC, Timestamp: p.Timestamp, Sequence: p.Sequence, Marker: p.Marker, FrameMarking: p.FrameMarking, Payload: p.Payload}
		f.sent[p.Sequence] = one
		if f.random.IntN(100) >= loss {
			batch = append(batch, one)
		}
	}
	for i := range batch {
		if n := f.random.IntN(40); n == 0 && i > 0 {
			batch[i], batch[i-1] = batch[i-1], batch[i]
		}
	}
	f.put(batch...)
	for _, n := range f.missing() {
		if f.random.IntN(100) >= loss {
			f.late = append(f.late, f.sent[n])
		}
	}
	if !nack && len(f.late) > 0 {
		f.Fatal("asked for something without NACK")
	}
}

// judge reads the tags of the pictures that were handed out.
func (f *shooting) judge() {
	f.Helper()
	for i := range f.frames {
		if err := f.look(&f.frames[i]); err != nil {
			f.Fatalf("picture %+v: %v", f.frames[i], err)
		}
	}
	f.frames, f.s.stats.Frames = nil, 0 // run counts anew
}

func (f *shooting) look(one *Frame) error {
	var tags []pictures.Tag
	for ext := one.First; ext < one.end(); ext++ {
		p, _ := f.s.Packet(ext)
		t, err := pictures.ReadTag(p.Payload)
		if err != nil {
			return err
		}
		tags = append(tags, t)
	}
	first, last := tags[0], tags[len(tags)-1]
	sum := 0
	for layer := range first.Layers {
		for _, t := range tags {
			if t.Spatial == layer {
				sum += int(t.Count)
				break
			}
		}
	}
	switch {
	case first.Index != 0 || first.Spatial != 0 || last.Index+1 != last.Count || last.Spatial+1 != last.Layers || sum != len(tags):
		return fmt.Errorf("is not whole: %v to %v", first, last)
	case one.Key != first.Key, one.Temporal != first.Temporal && f.camera.Codec != media.H264, one.MaxSpatial != last.Spatial:
		return fmt.Errorf("is %v", first)
	case one.After:
		return nil
	case !first.Key && !f.shown[first.Needs]:
		return fmt.Errorf("%v needs %d", first, first.Needs)
	}
	f.shown[first.Number] = true
	f.count++
	return nil
}

// Through loss and reordering, of every codec: what is handed out is whole, and decodable where
// it says so; most of it is.
func TestEveryCodecThroughABadNetwork(t *testing.T) {
	for _, c := range cameras {
		for _, nack := range []bool{true, false} {
			t.Run(fmt.Sprintf("%v %d/%d nack %v", c.Codec, c.Spatial, c.Temporal, nack), func(t *testing.T) {
				c.Sequence = 65000
				f := &shooting{run: newRun(t, Config{Codec: c.Codec, NACK: nack}), camera: pictures.New(c), random: rand.New(rand.NewPCG(2, 3)),
					sent: map[uint16]transport.VideoPacket{}, shown: map[uint32]bool{}}
				f.s.SetRoundTrip(40 * ms)
				const count = 1000
				for range count {
					f.shoot(f.s.WantsKey(f.now), 2, nack)
					f.judge()
				}
				st := f.s.Stats()
				if least := map[bool]int{true: count * 98 / 100, false: count * 7 / 10}[nack]; f.count < least {
					t.Errorf("%d of %d pictures are decodable: %+v", f.count, count, st)
				}
				if nack != (st.Repaired > 50) || st.Malformed+st.Unusable+st.Overruns+st.Restarts > 0 {
					t.Errorf("%+v", st)
				}
			})
		}
	}
}

func TestSizeOfEveryCodec(t *testing.T) {
	for _, c := range cameras {
		c.Width, c.Height = 1280, 720
		r := newRun(t, Config{Codec: c.Codec})
		for _, p := range pictures.New(c).Next(true) {
			r.put(transport.VideoPacket{Timestamp: p.Timestamp, Sequence: p.Sequence, Marker: p.Marker, FrameMarking: p.FrameMarking, Payload: p.Payload})
		}
		r.want(1, 1)
		if f := r.frames[0]; f.Width != 1280 || f.Height != 720 || !f.Key {
			t.Errorf("%v: %+v", c.Codec, f)
		}
	}
}
