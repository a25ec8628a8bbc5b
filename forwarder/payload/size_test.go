package payload

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/confd/confd/media"
)

// sequences are parameter sets that libx264, libx265, libaom, SVT-AV1 and rav1e wrote for
// pictures of a known size.
var sequences = []struct {
	name          string
	codec         media.VideoCodec
	unit          string
	width, height uint16
}{
	{"baseline", media.H264, "6742c00bd902c4ec0440000003004000000c83c50a92", 176, 144},
	{"main, interlaced", media.H264, "674d4028eca03c0227ef011000000300100000030321f162d960", 1920, 1080},
	{"high, with matrices of its picture sets", media.H264, "6764001facd9405005bb011000000300100000030320f1831960", 1280, 720},
	{"high 4:2:2 of 10 bits", media.H264, "677a001eb6cd940d83de6f011000000300100000030320f162d960", 854, 480},
	{"high 4:2:2, interlaced", media.H264, "677a001ebcd940d87bcd78088000000300800000190f8a14cb", 854, 476},
	{"high 4:4:4, odd", media.H264, "67f40015919b283610f3421ffa16ba15c0800000030080000019078b16cb", 427, 241},
	{"high, grey", media.H264, "67640015f36506c21e78fc05b2000003000200000300641e2c5b2c", 426, 242},
	{"main", media.H265, "420101016000000300900000030000030078a003c08010e596566924caf0168080000003008000000c84", 1920, 1080},
	{"4:2:2 of 10 bits", media.H265, "4201010408000003009d0800000300005ab006b201e1d4ad96566924caf0168080000003008000000c84", 854, 476},
	{"4:4:4, odd", media.H265, "4201010408000003009e0800000300003c9001b101f39a232cacd24995ffe85ae8570d010000030001000003001908", 427, 241},
	{"grey, odd", media.H265, "4201010408000003009fc800000300003cc036203e734465959a4932bffd0b5d0ae1b02000000300200000030321", 427, 241},
	{"temporal layers", media.H265, "42010201600000030090000003000003003f0000a005120171c92659598acd24995e02d0100000030010000003019080", 642, 362},
	{"libaom", media.AV1, "180a0b0000002d4cffb3cdaf9004", 1280, 720},
	{"SVT-AV1", media.AV1, "180a0b00000024c6abdf3efe4010", 854, 480},
	{"rav1e", media.AV1, "180a0e000000fa1f53e2210a88101010a0", 426, 242},
}

func TestSizesOfRealEncoders(t *testing.T) {
	for _, s := range sequences {
		b, err := hex.DecodeString(s.unit)
		if err != nil {
			t.Fatal(err)
		}
		var i Info
		if err := Read(s.codec, b, nil, &i); err != nil || i.Width != s.width || i.Height != s.height || !i.Parameters || !i.Begin {
			t.Errorf("%v %s: %+v, %v, want %d x %d", s.codec, s.name, i, err, s.width, s.height)
		}
	}
}

// Cut off anywhere they tell either the size or none.
func TestSizesThatAreCutOff(t *testing.T) {
	for _, s := range sequences {
		b, _ := hex.DecodeString(s.unit)
		for n := 3; n < len(b); n++ {
			var i Info
			err := Read(s.codec, b[:n], nil, &i)
			if err == nil && i.Width != 0 && (i.Width != s.width || i.Height != s.height) {
				t.Errorf("%v %s: %d bytes: %d x %d", s.codec, s.name, n, i.Width, i.Height)
			}
		}
	}
}

// writer writes what encoders seldom do.
type writer struct {
	bits string
}

func (w *writer) put(bits string) *writer { w.bits += bits; return w }

func (w *writer) ue(values ...uint32) *writer {
	for _, v := range values {
		digits := ""
		for n := v + 1; n > 0; n >>= 1 {
			digits = string(rune('0'+n&1)) + digits
		}
		for range len(digits) - 1 {
			w.bits += "0"
		}
		w.bits += digits
	}
	return w
}

func (w *writer) bytes(b ...byte) []byte {
	bits := w.bits + "10000000"
	for ; len(bits) >= 8; bits = bits[8:] {
		v := byte(0)
		for _, c := range bits[:8] {
			v = v<<1 | byte(c-'0')
		}
		b = append(b, v)
	}
	return b
}

// h264Head is a unit of a profile up to its id.
func h264Head(profile string) *writer { return new(writer).put(profile + "0000000000011110").ue(0) }

func TestSizesThatAreRareOrNoSize(t *testing.T) {
	const main, high = "01001101", "01100100"
	lists := h264Head(high).ue(1, 0, 0).put("01")
	lists.put("1").ue(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) // 16 times the one before
	lists.put("1").ue(16)                                             // -8: the rest is by default
	lists.put("00001").ue(15).put(strings.Repeat("1", 63) + "0")      // 64 times 16
	order := h264Head(main).ue(0, 1).put("0").ue(0, 0, 3, 1, 2, 3)
	for _, c := range []struct {
		name          string
		w             *writer
		width, height uint16
	}{
		{"scaling lists", lists.ue(0, 2, 1).put("0").ue(39, 29).put("1100"), 640, 480},
		{"picture order of type 1", order.ue(1).put("0").ue(39, 29).put("1100"), 640, 480},
		{"cropped on all sides", h264Head(main).ue(0, 2, 1).put("0").ue(39, 29).put("111").ue(1, 2, 3, 4), 634, 466},
		{"the largest", h264Head(main).ue(0, 2, 1).put("0").ue(1023, 1023).put("1100"), 16384, 16384},
		{"too wide", h264Head(main).ue(0, 2, 1).put("0").ue(1024, 29).put("1100"), 0, 0},
		{"too high", h264Head(main).ue(0, 2, 1).put("0").ue(39, 1024).put("1100"), 0, 0},
		{"too high of fields", h264Head(main).ue(0, 2, 1).put("0").ue(39, 512).put("0100"), 0, 0},
		{"nothing left of the width", h264Head(main).ue(0, 2, 1).put("0").ue(1, 29).put("111").ue(8, 8, 0, 0), 0, 0},
		{"nothing left of the height", h264Head(main).ue(0, 2, 1).put("0").ue(39, 1).put("111").ue(0, 0, 8, 8), 0, 0},
		{"absurd cropping", h264Head(main).ue(0, 2, 1).put("0").ue(39, 29).put("111").ue(1<<31, 1<<31, 0, 0), 0, 0},
		{"a number of 33 bits", h264Head(main).ue(0, 2, 1).put("0" + strings.Repeat("0", 32) + "1" + "00000000000000000000000000101000").ue(29).put("1100"), 0, 0},
	} {
		var i Info
		if err := Read(media.H264, c.w.bytes(0x67), nil, &i); err != nil || i.Width != c.width || i.Height != c.height {
			t.Errorf("%s: %d x %d, %v, want %d x %d", c.name, i.Width, i.Height, err, c.width, c.height)
		}
	}
}

// A sequence header with all that it may say of timing, for two operating points.
func TestSizeOfAnAV1SequenceWithTiming(t *testing.T) {
	zeros := func(n int) string { return strings.Repeat("0", n) }
	w := new(writer).put("00000").put("1" + zeros(64) + "1").ue(5) // timing
	w.put("1" + "00111" + zeros(32+10))                            // the decoder's model, of numbers of 8 bits
	w.put("1" + "00001")                                           // delays, two points
	w.put(zeros(12) + "01001" + "0" + "1" + zeros(17) + "1" + "0011")
	w.put(zeros(12) + "00100" + "0" + "0")
	w.put("1010" + "1001" + "01001111111" + "0101100111") // 640 x 360
	var i Info
	if err := Read(media.AV1, w.bytes(0x10, 1<<3), nil, &i); err != nil || i.Width != 640 || i.Height != 360 {
		t.Errorf("%d x %d, %v", i.Width, i.Height, err)
	}
	w = new(writer).put("00011" + "01000" + "1001" + "1000" + "1001111111" + "101100111") // one still picture
	if err := Read(media.AV1, w.bytes(0x10, 1<<3), nil, &i); err != nil || i.Width != 640 || i.Height != 360 {
		t.Errorf("%d x %d, %v", i.Width, i.Height, err)
	}
}
