package media

import "testing"

func TestH264Profile(t *testing.T) {
	for _, c := range []struct {
		idc, constraints uint8
		want             uint16
		ok               bool
	}{
		{0x42, 0x00, H264Baseline, true},
		{0x42, 0x80, H264Baseline, true},
		{0x42, 0xb0, H264Baseline, true},
		{0x42, 0x40, H264ConstrainedBaseline, true},
		{0x42, 0xe0, H264ConstrainedBaseline, true},
		{0x42, 0xf0, H264ConstrainedBaseline, true},
		{0x42, 0xe1, 0, false},
		{0x4d, 0x80, H264ConstrainedBaseline, true},
		{0x4d, 0xf0, H264ConstrainedBaseline, true},
		{0x4d, 0x00, H264Main, true},
		{0x4d, 0x40, H264Main, true},
		{0x4d, 0x50, H264Main, true},
		{0x4d, 0x20, 0, false},
		{0x4d, 0x08, 0, false},
		{0x58, 0xc0, H264ConstrainedBaseline, true},
		{0x58, 0xf0, H264ConstrainedBaseline, true},
		{0x58, 0x80, H264Baseline, true},
		{0x58, 0xb0, H264Baseline, true},
		{0x58, 0x00, 0, false}, // extended
		{0x58, 0x40, 0, false},
		{0x64, 0x00, H264High, true},
		{0x64, 0x0c, H264ConstrainedHigh, true},
		{0x64, 0x08, 0, false},
		{0x64, 0x10, 0, false},
		{0x6e, 0x00, 0, false}, // high 10
		{0xf4, 0x10, 0, false},
		{0x00, 0x00, 0, false},
	} {
		got, ok := H264Profile(c.idc, c.constraints)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%02x%02x: %d (%v), want %d (%v)", c.idc, c.constraints, got, ok, c.want, c.ok)
		}
	}
}

func TestVideoFormatNames(t *testing.T) {
	for name, f := range map[string]VideoFormat{
		"vp8":                             {Codec: VP8},
		"vp9/0":                           {Codec: VP9},
		"vp9/3":                           {Codec: VP9, Profile: 3},
		"av1/2":                           {Codec: AV1, Profile: 2},
		"h264/constrained-baseline/mode1": {Codec: H264, Profile: H264ConstrainedBaseline, PacketizationMode: 1},
		"h264/high/mode0":                 {Codec: H264, Profile: H264High},
		"h265/1":                          {Codec: H265, Profile: 1},
		"h265/31/high-tier":               {Codec: H265, Profile: 31 | H265HighTier},
	} {
		if got := f.String(); got != name {
			t.Errorf("%+v is called %q, want %q", f, got, name)
		}
		if got, err := ParseVideoFormat(name); err != nil || got != f {
			t.Errorf("%q is %+v (%v), want %+v", name, got, err, f)
		}
	}
	if got, err := ParseVideoFormat("H264/Main/Mode1"); err != nil || got != (VideoFormat{H264, H264Main, 1}) {
		t.Errorf("in capitals: %v (%v)", got, err)
	}
	for _, name := range []string{"", "none", "h261", "vp8/0", "vp9", "vp9/4", "vp9/-1", "vp9/00", "vp9/+1", "vp9/0/0", "av1", "av1/3",
		"h264", "h264/main", "h264/mode1", "h264/main/mode2", "h264/extended/mode1", "h264//mode1", "h265", "h265/32", "h265/1/low", "h265/32/high-tier"} {
		if got, err := ParseVideoFormat(name); err == nil {
			t.Errorf("%q is %+v", name, got)
		}
	}
	for c := VP8; c <= AV1; c++ {
		if got, err := ParseVideoCodec(c.String()); err != nil || got != c {
			t.Errorf("%v is %v (%v)", c, got, err)
		}
	}
	if got := (VideoFormat{}).String(); got != "none" {
		t.Errorf("no format is called %q", got)
	}
}

func FuzzParseVideoFormat(f *testing.F) {
	for _, seed := range []string{"vp8", "h264/main/mode1", "h265/1/high-tier", "av1/", "/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		v, err := ParseVideoFormat(name)
		if err != nil {
			return
		}
		if again, err := ParseVideoFormat(v.String()); err != nil || again != v {
			t.Errorf("%q became %q, which is %+v (%v)", name, v, again, err)
		}
	})
}
