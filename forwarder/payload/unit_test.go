package payload

import (
	"testing"

	"github.com/confd/confd/media"
)

// What encoders of these tests do not send: the other packet types, layers, frame marking.
func TestReadUnits(t *testing.T) {
	for _, c := range []struct {
		name     string
		codec    media.VideoCodec
		b, marks []byte
		want     Info
	}{
		{"slice of a reference", media.H264, []byte{0x41, 0x9a}, nil, Info{Begin: true}},
		{"second slice", media.H264, []byte{0x41, 0x5a}, nil, Info{}},
		{"slice of no reference", media.H264, []byte{0x01, 0x9a}, nil, Info{Begin: true, Discardable: true}},
		{"IDR", media.H264, []byte{0x65, 0x88}, nil, Info{Begin: true, Key: true}},
		{"delimiter", media.H264, []byte{0x09, 0x10}, nil, Info{Begin: true}},
		{"PPS", media.H264, []byte{0x68, 0xce}, nil, Info{Begin: true, Parameters: true}},
		{"filler", media.H264, []byte{0x0c, 0xff}, nil, Info{}},
		{"partition B", media.H264, []byte{0x43, 0x9a}, nil, Info{}},
		{"FU-A, first", media.H264, []byte{0x7c, 0x85, 0x88}, nil, Info{Begin: true, Key: true}},
		{"FU-A, later", media.H264, []byte{0x7c, 0x05, 0x88}, nil, Info{Key: true}},
		{"FU-A of no reference", media.H264, []byte{0x1c, 0x41, 0x88}, nil, Info{Discardable: true}},
		{"FU-B", media.H264, []byte{0x7d, 0x85, 0, 0, 0x88}, nil, Info{Begin: true, Key: true}},
		{"STAP-A of slices", media.H264, []byte{0x18, 0, 2, 0x01, 0x9a, 0, 2, 0x01, 0x5a}, nil, Info{Begin: true, Discardable: true}},
		{"STAP-A of one that is needed", media.H264, []byte{0x38, 0, 2, 0x01, 0x9a, 0, 2, 0x21, 0x5a}, nil, Info{Begin: true}},
		{"STAP-B", media.H264, []byte{0x79, 0, 1, 0, 2, 0x65, 0x88}, nil, Info{Begin: true, Key: true}},
		{"MTAP16", media.H264, []byte{0x7a, 0, 1, 0, 2, 9, 9, 9, 0x65, 0x88}, nil, Info{Begin: true, Key: true}},
		{"MTAP24", media.H264, []byte{0x7b, 0, 1, 0, 2, 9, 9, 9, 9, 0x65, 0x88}, nil, Info{Begin: true, Key: true}},
		{"prefix and slice", media.H264, []byte{0x78, 0, 4, 0x6e, 0x80, 0x00, 0x47, 0, 2, 0x61, 0x9a}, nil, Info{Begin: true, Temporal: 2}},
		{"layer above the base", media.H264, []byte{0x74, 0x80, 0x20, 0x27}, nil, Info{Temporal: 1, Spatial: 2}},
		{"prefix of a view", media.H264, []byte{0x6e, 0x00, 0x20, 0x27}, nil, Info{}},
		{"PACSI and slice", media.H264, []byte{0x78, 0, 8, 0x7e, 0x80, 0x00, 0x27, 0x40, 77, 0, 1, 0, 2, 0x61, 0x9a}, nil, Info{Begin: true, Temporal: 1, HasTL0: true, TL0: 77}},
		{"marked, short", media.H264, []byte{0x41, 0x9a}, []byte{0xd0}, Info{Begin: true, End: true, Discardable: true}},
		{"marked, short, with reserved bits", media.H264, []byte{0x41, 0x9a}, []byte{0x8f}, Info{Begin: true}},
		{"marked, not the first", media.H264, []byte{0x41, 0x9a}, []byte{0x40}, Info{End: true}},
		{"marked, without TL0PICIDX", media.H264, []byte{0x41, 0x9a}, []byte{0x8a, 0}, Info{Begin: true, Sync: true, Temporal: 2}},
		{"marked, long", media.H264, []byte{0x41, 0x9a}, []byte{0x91, 0, 5}, Info{Begin: true, Temporal: 1, Discardable: true, HasTL0: true, TL0: 5}},
		{"TRAIL_N", media.H265, []byte{0x00, 0x01, 0x80}, nil, Info{Begin: true, Discardable: true}},
		{"TRAIL_R", media.H265, []byte{0x02, 0x01, 0x80}, nil, Info{Begin: true}},
		{"second slice", media.H265, []byte{0x02, 0x01, 0x40}, nil, Info{}},
		{"TSA_N", media.H265, []byte{0x04, 0x03, 0x80}, nil, Info{Begin: true, Sync: true, Temporal: 2}},
		{"STSA_R", media.H265, []byte{0x0a, 0x02, 0x80}, nil, Info{Begin: true, Sync: true, Temporal: 1}},
		{"BLA", media.H265, []byte{0x20, 0x01, 0x80}, nil, Info{Begin: true, Key: true}},
		{"CRA", media.H265, []byte{0x2a, 0x01, 0x80}, nil, Info{Begin: true, Key: true}},
		{"type 22", media.H265, []byte{0x2c, 0x01, 0x80}, nil, Info{Begin: true}},
		{"IDR of an upper layer", media.H265, []byte{0x26, 0x11, 0x80}, nil, Info{Spatial: 2}},
		{"FU of an IDR, later", media.H265, []byte{0x62, 0x01, 0x13, 0x80}, nil, Info{Key: true}},
		{"AUD and slice", media.H265, []byte{0x60, 0x01, 0, 3, 0x46, 0x01, 0x50, 0, 3, 0x02, 0x01, 0x80}, nil, Info{Begin: true}},
		{"PACI", media.H265, []byte{0x64, 0x02, 0x26, 0x00, 0x80}, nil, Info{Begin: true, Key: true, Temporal: 1}},
		{"PACI with TSCI", media.H265, []byte{0x64, 0x02, 0x02, 0x38, 9, 1, 0, 0x80}, nil, Info{Begin: true, Temporal: 1, HasTL0: true, TL0: 9}},
		{"PACI of an FU", media.H265, []byte{0x64, 0x01, 0x62, 0x00, 0x93, 0x80}, nil, Info{Begin: true, Key: true}},
		{"AV1 new sequence", media.AV1, []byte{0x18, 0x30, 0x30}, nil, Info{Begin: true, Key: true}},
		{"AV1 inter frame", media.AV1, []byte{0x10, 0x30, 0x30}, nil, Info{Begin: true}},
		{"AV1 continued", media.AV1, []byte{0x90, 0x08, 0x30}, nil, Info{}},
		{"AV1 sequence and key frame without N", media.AV1, []byte{0x20, 1, 0x08, 0x30, 0x10}, nil, Info{Begin: true, Key: true, Parameters: true}},
		{"AV1 sequence and inter frame", media.AV1, []byte{0x20, 1, 0x08, 0x30, 0x30}, nil, Info{Begin: true, Parameters: true}},
		{"AV1 layers", media.AV1, []byte{0x10, 0x34, 0x50, 0x30}, nil, Info{Begin: true, Temporal: 2, Spatial: 2}},
		{"AV1 key frame of a sequence that runs", media.AV1, []byte{0x10, 0x30, 0x10}, nil, Info{Begin: true}},
		{"AV1 two frames, the first one's layers", media.AV1, []byte{0x20, 3, 0x34, 0x28, 0x30, 0x34, 0x50, 0x30}, nil, Info{Begin: true, Temporal: 1, Spatial: 1}},
		{"AV1 tiles", media.AV1, []byte{0x10, 0x20, 0x30}, nil, Info{}},
		{"VP8 not needed", media.VP8, []byte{0x30, 0x11}, nil, Info{Begin: true, Discardable: true}},
		{"VP8 second partition", media.VP8, []byte{0x11, 0x10}, nil, Info{}},
		{"VP8 key without start code", media.VP8, []byte{0x10, 0x10, 0, 0, 0, 0, 0, 1, 0, 1, 0}, nil, Info{Begin: true, Key: true}},
		{"VP8 size with scaling", media.VP8, []byte{0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 0x40, 0x41, 0xb4, 0xc0}, nil, Info{Begin: true, Key: true, Width: 320, Height: 180}},
		{"VP9 key frame", media.VP9, []byte{0x08, 0x82, 0x49, 0x83, 0x42, 0x20, 0x13, 0xf0, 0x0b, 0x30}, nil, Info{Begin: true, Key: true, Width: 320, Height: 180}},
		{"VP9 key frame of an upper layer", media.VP9, []byte{0x28, 0x02, 7, 0x82, 0x49, 0x83, 0x42}, nil, Info{Begin: true, Spatial: 1, HasTL0: true, TL0: 7}},
		{"VP9 key frame behind a group", media.VP9, []byte{0x0a, 0x08, 2, 0x0c, 1, 2, 3, 0x04, 1, 0x82, 0x49, 0x83, 0x42, 0x20, 0x13, 0xf0, 0x0b, 0x30}, nil, Info{Begin: true, Key: true, Width: 320, Height: 180}},
		{"VP9 intra only of profile 2", media.VP9, []byte{0x08, 0x95, 0xa4, 0xc1, 0xa1, 0, 0}, nil, Info{Begin: true}},
		{"VP9 P and a key frame", media.VP9, []byte{0x48, 0x82, 0x49, 0x83, 0x42}, nil, Info{Begin: true}},
		{"VP9 shows again", media.VP9, []byte{0x48, 0x88}, nil, Info{Begin: true, Discardable: true}},
		{"VP9 intra only, unreferenced", media.VP9, []byte{0x08, 0x85, 0xa4, 0xc1, 0xa1, 0, 0}, nil, Info{Begin: true, Discardable: true}},
		{"VP9 intra only, a reference", media.VP9, []byte{0x08, 0x85, 0xa4, 0xc1, 0xa1, 0, 0x80}, nil, Info{Begin: true}},
		{"VP9 size of a structure", media.VP9, []byte{0x0a, 0x30, 1, 0x40, 0, 0xb4, 2, 0x80, 1, 0x68, 0x82}, nil, Info{Begin: true, Width: 640, Height: 360}},
	} {
		var i Info
		if err := Read(c.codec, c.b, c.marks, &i); err != nil || i != c.want {
			t.Errorf("%v %s: %+v, %v, want %+v", c.codec, c.name, i, err, c.want)
		}
	}
}
