package payload

import (
	"errors"
	"fmt"
	"testing"

	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/media"
)

var allCodecs = []media.VideoCodec{media.VP8, media.VP9, media.H264, media.H265, media.AV1}

// cameras are streams of each codec in its variants.
func cameras() (all []pictures.Config) {
	for _, codec := range allCodecs {
		for temporal := 1; temporal <= 3; temporal++ {
			c := pictures.Config{Codec: codec, Source: 7, Width: 426, Height: 238, Temporal: temporal, PictureIDBits: 15, PictureID: 0x7ffe, TL0: 254, KeyIndex: 30}
			all = append(all, c)
			c.Marking, c.Flexible, c.PictureIDBits = true, true, 7
			all = append(all, c)
			if codec == media.VP9 || codec == media.AV1 {
				c.Spatial, c.Width, c.Height = 3, 1280, 720
				all = append(all, c)
				c.Flexible = false
				all = append(all, c)
			}
		}
	}
	return all
}

func name(c pictures.Config) string {
	return fmt.Sprintf("%v T%d S%d id%d flexible=%v marking=%v", c.Codec, c.Temporal, c.Spatial, c.PictureIDBits, c.Flexible, c.Marking)
}

// What is read of each packet is what its camera's tag says.
func TestReadTellsWhatTheCameraSent(t *testing.T) {
	for _, config := range cameras() {
		t.Run(name(config), func(t *testing.T) {
			camera := pictures.New(config)
			for n := range 12 {
				readPicture(t, config, camera.Next(n == 7))
			}
		})
	}
}

func readPicture(t *testing.T, config pictures.Config, packets []pictures.Packet) {
	t.Helper()
	var key bool
	for n, p := range packets {
		var i Info
		if err := Read(config.Codec, p.Payload, p.FrameMarking, &i); err != nil {
			t.Fatalf("packet %d: %v", n, err)
		}
		tag, err := pictures.ReadTag(p.Payload)
		if err != nil {
			t.Fatal(err)
		}
		if tellsLayer(config, tag) && i.Temporal != tag.Temporal {
			t.Errorf("packet %d: temporal layer %d, want %d", n, i.Temporal, tag.Temporal)
		}
		if i.Spatial != tag.Spatial && (config.Codec != media.AV1 || tag.Index == 0) {
			t.Errorf("packet %d: spatial layer %d, want %d", n, i.Spatial, tag.Spatial)
		}
		if want := tag.Index == 0; i.Begin != want && !(config.Codec == media.H264 || config.Codec == media.H265) {
			t.Errorf("packet %d: begin %v, want %v", n, i.Begin, want)
		}
		if tag.Key && i.Width != 0 && (i.Width != config.Width || i.Height != config.Height) {
			t.Errorf("packet %d: %d x %d, want %d x %d", n, i.Width, i.Height, config.Width, config.Height)
		}
		if n == 0 && (i.Width != 0) != tag.Key {
			t.Errorf("%v: width %d", tag, i.Width)
		}
		if i.Key && !tag.Key {
			t.Errorf("%v: told to be key", tag)
		}
		key = key || i.Key
		top := tag.Temporal > 0 && int(tag.Temporal) == config.Temporal-1
		if tag.Index == 0 && i.Discardable != top && config.Codec != media.AV1 && (config.Codec != media.H265 || config.Marking) {
			t.Errorf("%v: discardable %v, want %v", tag, i.Discardable, top)
		}
		if tag.Key != key {
			if n == len(packets)-1 {
				t.Errorf("%v: key %v", tag, key)
			}
		}
	}
}

// tellsLayer: AV1 only at the beginning of a frame, H.264 only in the frame marking.
func tellsLayer(c pictures.Config, tag pictures.Tag) bool {
	switch c.Codec {
	case media.H264:
		return c.Marking
	case media.AV1:
		return tag.Index == 0
	}
	return true
}

func TestReadRefuses(t *testing.T) {
	h264Large := []byte{24}
	for range maxUnits + 1 {
		h264Large = append(h264Large, 0, 1, 1)
	}
	av1Large := []byte{0}
	for range maxUnits + 1 {
		av1Large = append(av1Large, 1, 6<<3)
	}
	h265Large := []byte{48 << 1, 1}
	for range maxUnits + 1 {
		h265Large = append(h265Large, 0, 2, 2, 1)
	}
	for _, c := range []struct {
		name  string
		codec media.VideoCodec
		b     []byte
		want  error
	}{
		{"no codec", 0, []byte{1}, ErrCodec},
		{"a codec to come", media.AV1 + 1, []byte{1}, ErrCodec},
		{"VP8 empty", media.VP8, nil, ErrShort},
		{"VP8 descriptor alone", media.VP8, []byte{0x10}, ErrShort},
		{"VP8 extension cut off", media.VP8, []byte{0x90}, ErrShort},
		{"VP8 picture id cut off", media.VP8, []byte{0x90, 0x80}, ErrShort},
		{"VP8 long picture id cut off", media.VP8, []byte{0x90, 0x80, 0x80}, ErrShort},
		{"VP8 TL0PICIDX cut off", media.VP8, []byte{0x90, 0xc0, 0x01}, ErrShort},
		{"VP8 layer cut off", media.VP8, []byte{0x90, 0xe0, 0x01, 0x01}, ErrShort},
		{"VP8 no picture", media.VP8, []byte{0x90, 0xf0, 0x01, 0x01, 0x01}, ErrShort},
		{"VP9 no picture", media.VP9, []byte{0x08}, ErrShort},
		{"VP9 picture id cut off", media.VP9, []byte{0x88}, ErrShort},
		{"VP9 long picture id cut off", media.VP9, []byte{0x88, 0x81}, ErrShort},
		{"VP9 layers cut off", media.VP9, []byte{0x28}, ErrShort},
		{"VP9 TL0PICIDX cut off", media.VP9, []byte{0x28, 0x00}, ErrShort},
		{"VP9 references cut off", media.VP9, []byte{0x58, 0x03}, ErrShort},
		{"VP9 a fourth reference", media.VP9, []byte{0x58, 0x03, 0x03, 0x03, 0x02, 0x82}, ErrMalformed},
		{"VP9 sizes cut off", media.VP9, []byte{0x0a, 0x30, 1, 0, 1, 0, 1, 0, 1}, ErrShort},
		{"VP9 group cut off", media.VP9, []byte{0x0a, 0x08, 2, 0x04, 1}, ErrShort},
		{"H.264 type 0", media.H264, []byte{0x60, 1, 2}, ErrMalformed},
		{"H.264 type 31", media.H264, []byte{0x7f, 1, 2}, ErrMalformed},
		{"H.264 STAP-A empty", media.H264, []byte{0x78}, ErrShort},
		{"H.264 STAP-A of nothing", media.H264, []byte{0x78, 0, 0}, ErrMalformed},
		{"H.264 STAP-A cut off", media.H264, []byte{0x78, 0, 3, 0x67, 1}, ErrShort},
		{"H.264 STAP-A in STAP-A", media.H264, []byte{0x78, 0, 4, 0x78, 0, 1, 0x65}, ErrMalformed},
		{"H.264 STAP-A of too many", media.H264, h264Large, ErrMalformed},
		{"H.264 MTAP24 cut off", media.H264, []byte{0x7b, 0, 0, 0, 1, 0, 0, 0, 0}, ErrShort},
		{"H.264 FU-A cut off", media.H264, []byte{0x7c, 0x85}, ErrShort},
		{"H.264 FU-B cut off", media.H264, []byte{0x7d, 0x85, 0, 0}, ErrShort},
		{"H.264 FU-A of an aggregate", media.H264, []byte{0x7c, 0x98, 1}, ErrMalformed},
		{"H.264 prefix cut off", media.H264, []byte{0x6e, 0x80, 1}, ErrShort},
		{"H.264 PACSI cut off", media.H264, []byte{0x7e, 0x80, 0, 0x20}, ErrShort},
		{"H.264 PACSI's TL0PICIDX cut off", media.H264, []byte{0x7e, 0x80, 0, 0x20, 0x40, 1}, ErrShort},
		{"H.265 header cut off", media.H265, []byte{0x26}, ErrShort},
		{"H.265 temporal id 0", media.H265, []byte{0x26, 0}, ErrMalformed},
		{"H.265 type 51", media.H265, []byte{51 << 1, 1}, ErrMalformed},
		{"H.265 AP empty", media.H265, []byte{48 << 1, 1}, ErrShort},
		{"H.265 AP of a byte", media.H265, []byte{48 << 1, 1, 0, 1, 1}, ErrMalformed},
		{"H.265 AP cut off", media.H265, []byte{48 << 1, 1, 0, 3, 2, 1}, ErrShort},
		{"H.265 AP in AP", media.H265, []byte{48 << 1, 1, 0, 2, 48 << 1, 1}, ErrMalformed},
		{"H.265 AP of too many", media.H265, h265Large, ErrMalformed},
		{"H.265 FU cut off", media.H265, []byte{49 << 1, 1, 0x93}, ErrShort},
		{"H.265 FU of an AP", media.H265, []byte{49 << 1, 1, 0x80 | 48, 1}, ErrMalformed},
		{"H.265 PACI cut off", media.H265, []byte{50 << 1, 1, 0x26}, ErrShort},
		{"H.265 PACI's extension cut off", media.H265, []byte{50 << 1, 1, 0x26, 0x38, 1, 2}, ErrShort},
		{"H.265 PACI's TSCI too short", media.H265, []byte{50 << 1, 1, 0x26, 0x28, 1, 2}, ErrMalformed},
		{"H.265 PACI in PACI", media.H265, []byte{50 << 1, 1, 50 << 1, 0}, ErrMalformed},
		{"AV1 header alone", media.AV1, []byte{0x10}, ErrShort},
		{"AV1 new and continued", media.AV1, []byte{0x98, 1}, ErrMalformed},
		{"AV1 length cut off", media.AV1, []byte{0x00, 0x80}, ErrShort},
		{"AV1 length above 32 bits", media.AV1, []byte{0x00, 0xff, 0xff, 0xff, 0xff, 0x10}, ErrMalformed},
		{"AV1 endless length", media.AV1, []byte{0x00, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80}, ErrMalformed},
		{"AV1 OBU cut off", media.AV1, []byte{0x00, 0x03, 6 << 3, 1}, ErrShort},
		{"AV1 OBU empty", media.AV1, []byte{0x00, 0x00}, ErrShort},
		{"AV1 fewer OBUs than said", media.AV1, []byte{0x20, 0x01, 6 << 3}, ErrShort},
		{"AV1 forbidden bit", media.AV1, []byte{0x10, 0x80}, ErrMalformed},
		{"AV1 layers cut off", media.AV1, []byte{0x10, 6<<3 | 4}, ErrShort},
		{"AV1 inner length cut off", media.AV1, []byte{0x10, 6<<3 | 2}, ErrShort},
		{"AV1 too many OBUs", media.AV1, av1Large, ErrMalformed},
	} {
		var i Info
		if err := Read(c.codec, c.b, nil, &i); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// One unit less than is too many.
func TestReadTakesAsManyUnitsAsItMay(t *testing.T) {
	h264, h265, av1 := []byte{24}, []byte{48 << 1, 1}, []byte{0}
	for range maxUnits {
		h264 = append(h264, 0, 1, 1)
		h265 = append(h265, 0, 2, 2, 1)
		av1 = append(av1, 1, 6<<3)
	}
	var i Info
	for codec, b := range map[media.VideoCodec][]byte{media.H264: h264, media.H265: h265, media.AV1: av1} {
		if err := Read(codec, b, nil, &i); err != nil {
			t.Errorf("%v: %v", codec, err)
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	var i Info
	head := make([]byte, 0, MaxHead)
	for _, config := range cameras() {
		packets := pictures.New(config).Next(true)
		got := testing.AllocsPerRun(10, func() {
			for _, p := range packets {
				if Read(config.Codec, p.Payload, p.FrameMarking, &i) != nil {
					t.Fail()
				}
				head, _ = Rewrite(config.Codec, head[:0], p.Payload, &Numbers{PictureID: 1})
			}
		})
		if got != 0 {
			t.Errorf("%s: %v allocations", name(config), got)
		}
	}
}
