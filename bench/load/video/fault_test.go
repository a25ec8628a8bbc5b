package video

import (
	"bytes"
	"slices"
	"testing"

	"github.com/confd/confd/media"
)

// run is a watch and two players whose frames it may see.
type run struct {
	*Watch
	a, b     *Player
	sequence uint16
}

func (r *run) send(f *Frame) { send(r.Watch, &r.sequence, f) }

// fault is something to be seen, and how it is counted.
type fault struct {
	name string
	only media.VideoCodec
	do   func(r *run)
	want Counts // without packets, bytes
}

// switchFaults are what can be wrong where a stream begins or gives way to another.
var switchFaults = []fault{
	{"switch at a key frame", 0, func(r *run) {
		r.send(r.a.Next(0))
		f := r.b.Next(0)
		f.Timestamp = r.timestamp + 1
		r.send(pictureID(r.codec, f, r.picture+1))
	}, Counts{Frames: 2, KeyFrames: 2, Switches: 1}},
	{"switch without a key frame", media.H264, func(r *run) {
		r.b.Next(0)
		r.send(r.a.Next(0))
		f := r.b.Next(0)
		f.Timestamp = r.timestamp + 1
		r.send(f)
	}, Counts{Frames: 2, KeyFrames: 1, Switches: 1, Undecodable: 1}},
	{"begins without a key frame", 0, func(r *run) {
		r.a.Next(0)
		r.send(r.a.Next(0))
	}, Counts{Frames: 1, Undecodable: 1}},
	{"sender begins anew", media.H264, func(r *run) {
		r.a.Next(0)
		r.a.KeyFrame()
		r.send(r.a.Next(0))
		f := NewPlayer(r.a.stream, 7, 0).Next(0)
		f.Timestamp = r.timestamp + 1
		r.send(f)
	}, Counts{Frames: 2, KeyFrames: 2}},
}

// lossFaults are frames and packets that do not come, or twice.
var lossFaults = []fault{
	{"frame left out", media.H264, func(r *run) {
		r.send(r.a.Next(0))
		r.a.Next(0)
		r.send(r.a.Next(0))
		r.send(r.a.Next(0))
	}, Counts{Frames: 3, KeyFrames: 1, Undecodable: 2}},
	{"frames left out before a key frame", media.H264, func(r *run) {
		r.send(r.a.Next(0))
		r.a.Next(0)
		r.a.Next(0)
		r.a.KeyFrame()
		r.send(r.a.Next(0))
	}, Counts{Frames: 2, KeyFrames: 2, Skipped: 2}},
	{"packet lost", 0, func(r *run) {
		f := r.a.Next(0)
		for k, b := range f.Payloads {
			if k != 1 {
				r.Packet(uint16(k), f.Timestamp, k == len(f.Payloads)-1, b)
			}
		}
	}, Counts{Lost: 1, Broken: 1}},
	{"packet lost, numbers closed", 0, func(r *run) {
		f := r.a.Next(0)
		f.Payloads = append(f.Payloads[:1:1], f.Payloads[2:]...)
		r.send(f)
	}, Counts{Broken: 1}},
	{"end lost", 0, func(r *run) {
		f := r.a.Next(0)
		for k, b := range f.Payloads[:2] {
			r.Packet(uint16(k), f.Timestamp, false, b)
		}
		r.sequence = uint16(len(f.Payloads))
		r.a.KeyFrame()
		r.send(r.a.Next(0))
	}, Counts{Lost: 5, Broken: 1, Frames: 1, KeyFrames: 1}},
	{"start lost", 0, func(r *run) {
		f := r.a.Next(0)
		f.Payloads = f.Payloads[1:]
		r.send(f)
	}, Counts{WithoutStart: 1}},
	{"packet twice", 0, func(r *run) {
		f := r.a.Next(0)
		r.send(f)
		r.Packet(r.sequence-1, f.Timestamp, true, f.Payloads[0])
		r.Packet(r.sequence-2, f.Timestamp, true, f.Payloads[0])
	}, Counts{Frames: 1, KeyFrames: 1, Late: 2}},
}

// harmFaults are payloads that are not as they were.
var harmFaults = []fault{
	{"payload harmed", 0, func(r *run) {
		f := r.a.Next(0)
		f.Payloads[1][600]++
		r.send(f)
	}, Counts{Broken: 1}},
	{"no mark", 0, func(r *run) {
		f := r.a.Next(0)
		at := r.a.stream.frames[0]
		f.Payloads[at.packet][at.offset] = 'x'
		r.send(f)
	}, Counts{Unmarked: 1}},
	{"packets joined", 0, func(r *run) {
		f, skip := r.a.Next(0), 0
		if r.codec == media.VP8 {
			skip = vp8Head
		}
		joined := append(bytes.Clone(f.Payloads[1]), f.Payloads[2][skip:]...)
		f.Payloads = append([][]byte{f.Payloads[0], joined}, f.Payloads[3:]...)
		r.send(f)
	}, Counts{Broken: 1}},
	{"empty payload", 0, func(r *run) { r.Packet(0, 0, true, nil) }, Counts{Broken: 1}},
}

// orderFaults are timestamps and picture ids that do not fit.
var orderFaults = []fault{
	{"timestamp stands", 0, func(r *run) {
		r.send(r.a.Next(0))
		f := r.a.Next(0)
		f.Timestamp -= Ticks
		r.send(f)
	}, Counts{Frames: 2, KeyFrames: 1, Timestamps: 1}},
	{"timestamp runs back", 0, func(r *run) {
		r.send(r.a.Next(0))
		f := r.a.Next(0)
		f.Timestamp -= Ticks + 1
		r.send(f)
	}, Counts{Frames: 2, KeyFrames: 1, Timestamps: 1}},
	{"picture id repeated", media.VP8, func(r *run) {
		r.send(r.a.Next(0))
		r.send(pictureID(r.codec, r.a.Next(0), r.picture))
	}, Counts{Frames: 2, KeyFrames: 1, PictureIDs: 1}},
	{"picture id differs within", media.VP8, func(r *run) {
		f := r.a.Next(0)
		f.Payloads[2][3]++
		r.send(f)
	}, Counts{Broken: 1}},
}

// Each fault is counted as what it is, and nothing else.
func TestAWatchTellsFaults(t *testing.T) {
	for _, f := range slices.Concat(switchFaults, lossFaults, harmFaults, orderFaults) {
		for _, codec := range []media.VideoCodec{media.VP8, media.H264} {
			if f.only == 0 || f.only == codec {
				t.Run(f.name+", "+codec.String(), func(t *testing.T) { f.check(t, codec) })
			}
		}
	}
}

func (f *fault) check(t *testing.T, codec media.VideoCodec) {
	s, err := Prepared(codec, 300_000)
	if err != nil {
		t.Fatal(err)
	}
	r := &run{Watch: NewWatch(codec), a: NewPlayer(s, 7, 0), b: NewPlayer(s, 8, 0)}
	f.do(r)
	got := r.Counts
	got.Packets, got.Bytes = 0, 0
	if got.Lost > 0 && f.want.Lost > 0 {
		got.Lost = f.want.Lost // how many depends on the codec
	}
	if got != f.want {
		t.Errorf("%+v, want %+v", got, f.want)
	}
}

// pictureID writes another picture id.
func pictureID(codec media.VideoCodec, f *Frame, id int) *Frame {
	if codec == media.VP8 {
		for _, b := range f.Payloads {
			b[2], b[3] = 0x80|byte(id>>8), byte(id)
		}
	}
	return f
}
