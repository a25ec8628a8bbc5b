package offeranswer

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/confd/confd/media"
)

// videoPayload is a payload type 96 as SDP describes it.
func videoPayload(rtpmap, fmtp string) payload {
	p, _ := parseRtpmap(96, rtpmap)
	p.params = fmtp
	return p
}

func TestVideoFormats(t *testing.T) {
	for _, c := range []struct {
		rtpmap, fmtp string
		want         string // formats, with levels
	}{
		{"VP8/90000", "", "vp8 0"},
		{"vp8/90000", "max-fr=30;max-fs=3600", "vp8 0"},
		{"VP8/48000", "", ""},
		{"VP9/90000", "", "vp9/0 0"},
		{"VP9/90000", "profile-id=2", "vp9/2 0"},
		{"VP9/90000", "profile-id=4", ""},
		{"AV1/90000", "", "av1/0 5"},
		{"AV1/90000", "profile=1;level-idx=9;tier=1", "av1/1 9"},
		{"AV1/90000", "profile=3", ""},
		{"H265/90000", "", "h265/1 93"},
		{"H265/90000", "profile-id=2;tier-flag=1;level-id=120", "h265/2/high-tier 120"},
		{"H265/90000", "level-id=90;max-recv-level-id=123", "h265/1 123"},
		{"H265/90000", "tx-mode=SRST", "h265/1 93"},
		{"H265/90000", "tx-mode=MRST", ""},
		{"H265/90000", "sprop-max-don-diff=1", ""},
		{"H265/90000", "profile-space=1", ""},
		{"H265/90000", "level-id=256", ""},
		{"H264/90000", "", "h264/constrained-baseline/mode0 10 h264/baseline/mode0 10"},
		{"H264/90000", "profile-level-id=42E01F;packetization-mode=1", "h264/constrained-baseline/mode1 31"},
		{"H264/90000", "profile-level-id=4DE028", "h264/constrained-baseline/mode0 40"},
		{"H264/90000", "profile-level-id=42801f", "h264/constrained-baseline/mode0 31 h264/baseline/mode0 31"},
		{"H264/90000", "profile-level-id=4d0028", "h264/main/mode0 40"},
		{"H264/90000", "profile-level-id=64001f; packetization-mode=1", "h264/high/mode1 31"},
		{"H264/90000", "profile-level-id=640c1f", "h264/constrained-high/mode0 31"},
		{"H264/90000", "profile-level-id=6e001f", ""},
		{"H264/90000", "profile-level-id=42f00b", "h264/constrained-baseline/mode0 9"},
		{"H264/90000", "profile-level-id=64000b", "h264/high/mode0 11"},
		{"H264/90000", "profile-level-id=42e00d;max-recv-level=e01f", "h264/constrained-baseline/mode0 31"},
		{"H264/90000", "profile-level-id=42e01f;max-recv-level=e00d", "h264/constrained-baseline/mode0 31"},
		{"H264/90000", "profile-level-id=42e01f;max-recv-level=f00b", "h264/constrained-baseline/mode0 31"},
		{"H264/90000", "profile-level-id=42e00a;max-recv-level=f00b", "h264/constrained-baseline/mode0 9"},
		{"H264/90000", "profile-level-id=42e00b;max-recv-level=f00b", "h264/constrained-baseline/mode0 11"},
		{"H264/90000", "profile-level-id=42e01f;packetization-mode=2", ""},
		{"H264/90000", "profile-level-id=42e01", ""},
		{"H264/90000", "profile-level-id=42e01f00", ""},
		{"H264/90000", "profile-level-id=zze01f", ""},
		{"H264/90000/2", "profile-level-id=42e01f", ""},
		{"H263/90000", "", ""},
	} {
		var got []string
		for _, o := range videoPayload(c.rtpmap, c.fmtp).videoOptions() {
			got = append(got, fmt.Sprint(o.Format, " ", o.Level))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s %s: %v, want %q", c.rtpmap, c.fmtp, got, c.want)
		}
	}
}

// TestVideoLevels writes what we say to what a peer says, under a limit of the room's.
func TestVideoLevels(t *testing.T) {
	for _, c := range []struct {
		rtpmap, fmtp string
		limit        media.VideoLimit
		want         string
		level        uint8
	}{
		{"H264/90000", "profile-level-id=42801f", media.VideoLimit{}, "profile-level-id=42801f", 31},
		{"H264/90000", "profile-level-id=42801f", media.VideoLimit{Level: 20}, "profile-level-id=428014", 20},
		{"H264/90000", "profile-level-id=42801f", media.VideoLimit{Level: 40}, "profile-level-id=42801f", 31},
		{"H264/90000", "profile-level-id=42801f;level-asymmetry-allowed=1", media.VideoLimit{Level: 40}, "profile-level-id=428028;level-asymmetry-allowed=1", 40},
		{"H264/90000", "profile-level-id=42e01f;packetization-mode=1", media.VideoLimit{Level: 9}, "profile-level-id=42f00b;packetization-mode=1", 9},
		{"H264/90000", "profile-level-id=42e00a", media.VideoLimit{Level: 9}, "profile-level-id=42e00a", 10},
		{"H264/90000", "profile-level-id=42f00b", media.VideoLimit{}, "profile-level-id=42f00b", 9},
		{"H264/90000", "profile-level-id=42f00b;level-asymmetry-allowed=1", media.VideoLimit{Level: 13}, "profile-level-id=42e00d;level-asymmetry-allowed=1", 13},
		{"H264/90000", "profile-level-id=640029", media.VideoLimit{Level: 9}, "profile-level-id=640009", 9},
		{"H264/90000", "packetization-mode=1", media.VideoLimit{Level: 31}, "packetization-mode=1", 10},
		{"H265/90000", "", media.VideoLimit{}, "profile-id=1", 93},
		{"H265/90000", "", media.VideoLimit{Level: 90}, "profile-id=1;level-id=90", 90},
		{"H265/90000", "level-id=120;interop-constraints=B00000000000", media.VideoLimit{Level: 123}, "profile-id=1;level-id=120;interop-constraints=b00000000000", 120},
		{"H265/90000", "tier-flag=1;interop-constraints=B", media.VideoLimit{}, "profile-id=1;tier-flag=1", 93},
		{"AV1/90000", "", media.VideoLimit{}, "", 5},
		{"AV1/90000", "", media.VideoLimit{Level: 8}, "level-idx=8", 8},
		{"AV1/90000", "profile=0;level-idx=4", media.VideoLimit{}, "profile=0;level-idx=4", 4},
		{"AV1/90000", "profile=1", media.VideoLimit{}, "profile=1", 5},
		{"VP8/90000", "max-fs=3600", media.VideoLimit{}, "", 0},
		{"VP8/90000", "", media.VideoLimit{FrameSize: 3600}, "max-fs=3600", 0},
		{"VP9/90000", "profile-id=0", media.VideoLimit{FrameSize: 3600, FrameRate: 30}, "profile-id=0;max-fr=30;max-fs=3600", 0},
	} {
		options := videoPayload(c.rtpmap, c.fmtp).videoOptions()
		params, level := options[0].write(c.limit)
		if params != c.want || level != c.level {
			t.Errorf("%s %q under %+v: %q %d, want %q %d", c.rtpmap, c.fmtp, c.limit, params, level, c.want, c.level)
		}
	}
}

// TestOwnVideoFormats reads back what we offer of each format.
func TestOwnVideoFormats(t *testing.T) {
	for _, name := range []string{
		"vp8", "vp9/0", "vp9/3", "av1/0", "av1/2", "h265/1", "h265/2/high-tier",
		"h264/constrained-baseline/mode0", "h264/baseline/mode1", "h264/main/mode1", "h264/high/mode1", "h264/constrained-high/mode0",
	} {
		f, err := media.ParseVideoFormat(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, limit := range []uint8{0, 9, 30} {
			o := ownOption(f)
			params, level := o.write(media.VideoLimit{Level: limit})
			back := optionOf(videoPayload(strings.ToUpper(f.Codec.String())+"/90000", params).videoOptions(), f)
			if back == nil || back.Level != level || limit != 0 && level != limit && level != 0 {
				t.Errorf("%s at %d is written as %q level %d and read as %+v", name, limit, params, level, back)
			}
		}
	}
}

func TestParameterSets(t *testing.T) {
	for text, want := range map[string][][]byte{
		"Z0L,aM4=": {{0x67, 0x42}, {0x68, 0xce}}, "Z0L=": {{0x67, 0x42}}, ",Z0L": {{0x67, 0x42}}, "": nil, "Z0L,!": nil, "Z": nil,
	} {
		if got := videoPayload("H264/90000", "sprop-parameter-sets="+text).parameterSets("sprop-parameter-sets"); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %x, want %x", text, got, want)
		}
	}
}

// videoSection makes an m=video section of attributes.
func videoSection(t *testing.T, lines ...string) (*description, *section) {
	t.Helper()
	d, err := parse([]byte(start + "m=video 30002 RTP/AVP 96\r\n" + strings.Join(append(lines, ""), "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	return d, &d.media[0]
}

func TestFeedback(t *testing.T) {
	for line, want := range map[string]string{
		"96 nack":                     "* nack",
		"* nack pli":                  "* nack pli",
		"96 NACK PLI":                 "* nack pli",
		"96 nack sli":                 "",
		"* ccm fir tmmbr pan":         "* ccm fir,* ccm tmmbr",
		"* ccm tmmbr smaxpr=120":      "* ccm tmmbr",
		"97 ccm fir":                  "",
		"096 ccm fir":                 "",
		"*":                           "",
		"96":                          "",
		"96  goog-remb":               "* goog-remb",
		"96 transport-cc":             "* transport-cc",
		"* trr-int 5000":              "",
		"96 ack rpsi":                 "",
		"96 nack\r\na=rtcp-fb:* nack": "* nack",
	} {
		_, m := videoSection(t, "a=rtcp-fb:"+line)
		if got := strings.Join(m.feedback(96).lines(), ","); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestBandwidth(t *testing.T) {
	for _, c := range []struct {
		session, line string
		want          int
	}{
		{"", "", 0}, {"", "b=TIAS:500000", 500000}, {"", "b=tias: 500000", 500000}, {"", "b=AS:1000", 934000},
		{"", "b=AS:1000\r\nb=TIAS:500000", 500000}, {"b=AS:512", "b=AS:1000", 470400}, {"b=AS:2000", "b=AS:1000", 934000},
		{"b=TIAS:300000", "", 300000}, {"", "b=AS:20", 10000}, {"", "b=AS:x", 0}, {"", "b=AS:-1", 0}, {"", "b=CT:1000", 0},
		{"", "b=AS:0", 0}, {"", "b=AS:2147483647", 2040092850}, {"", "b=AS:99999999999", 0}, {"", "b=X-AS:1", 0},
	} {
		text := start + c.session + "\r\nm=video 30002 RTP/AVP 96\r\n" + c.line + "\r\n"
		d, err := parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := d.bandwidth(&d.media[0]); got != c.want {
			t.Errorf("%q %q: %d, want %d", c.session, c.line, got, c.want)
		}
	}
	for _, rate := range []int{1, 30_000, 64_000, 1_200_000, 20_000_000} {
		lines := strings.Split(strings.TrimSpace(bandwidthLines(rate)), "\r\n")
		as, tias := strings.TrimPrefix(lines[0], "b="), strings.TrimPrefix(lines[1], "b=")
		if back := bandwidth([]string{as}); back < rate || back > rate+1000 && rate > 30_000 || bandwidth([]string{as, tias}) != rate {
			t.Errorf("%d is written as %v and read as %d", rate, lines, back)
		}
	}
	if bandwidthLines(0) != "" {
		t.Error("nothing to say is said")
	}
}

func TestImage(t *testing.T) {
	small := ImageSize{320, 320, 240, 240}
	for line, want := range map[string]*Image{
		"imageattr:96 send [x=320,y=240]":                                  {Send: []ImageSize{small}},
		"imageattr:* recv [x=320,y=240,q=0.5,par=[1-2]]":                   {Recv: []ImageSize{small}},
		"imageattr:96 SEND [Y=240, X=320]":                                 {Send: []ImageSize{small}},
		"imageattr:96 send * recv [x=320,y=240]":                           {Recv: []ImageSize{small}},
		"imageattr:96 send [x=[320:16:640],y=[240:360]]":                   {Send: []ImageSize{{320, 640, 240, 360}}},
		"imageattr:96 send [x=[640,320,480],y=240] recv [x=320,y=240]":     {Send: []ImageSize{{320, 640, 240, 240}}, Recv: []ImageSize{small}},
		"imageattr:96 recv [x=320,y=240] [x=320]  [x=320,y=240]":           {Recv: []ImageSize{small, small}},
		"imageattr:97 send [x=320,y=240]":                                  nil,
		"imageattr:96 [x=320,y=240]":                                       nil,
		"imageattr:96 send [x=320,y=240":                                   nil,
		"imageattr:96 send [x=0,y=240]":                                    nil,
		"imageattr:96 send [x=1000000,y=240]":                              nil,
		"imageattr:96 send [x=999999,y=1]":                                 {Send: []ImageSize{{999999, 999999, 1, 1}}},
		"imageattr:96 send [x=[],y=240]":                                   nil,
		"imageattr:96 send " + strings.Repeat("[x=320,y=240]", 5):          {Send: []ImageSize{small, small, small, small}},
		"framesize:96 640-480":                                             {Width: 640, Height: 480},
		"framesize:96 640x480":                                             nil,
		"framesize:97 640-480":                                             nil,
		"framesize:96 640-480\r\na=imageattr:96 recv [x=320,y=240]":        {Width: 640, Height: 480, Recv: []ImageSize{small}},
		"imageattr:96 send [x=320,y=240]\r\na=imageattr:* recv [x=1,y=2]":  {Send: []ImageSize{small}, Recv: []ImageSize{{1, 1, 2, 2}}},
		"imageattr:96 send [x=[640:320],y=240]\r\na=imageattr:96 recv [[]": {Send: []ImageSize{{320, 640, 240, 240}}},
	} {
		_, m := videoSection(t, "a="+line)
		if got := m.image(96); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, want %+v", line, got, want)
		}
	}
	img := Image{Send: []ImageSize{small}, Recv: []ImageSize{{320, 640, 240, 240}, small}, Width: 1}
	_, m := videoSection(t, "a=imageattr:* "+img.String())
	if back := m.image(96); back == nil || !reflect.DeepEqual(back.Send, img.Send) || !reflect.DeepEqual(back.Recv, img.Recv) {
		t.Errorf("%s is read as %+v", &img, back)
	}
}

func TestSimulcast(t *testing.T) {
	rids := []string{"a=rid:a send", "a=rid:b send pt=96,97", "a=rid:c send max-width=320;pt=97", "a=rid:d recv", "a=rid:e send pt=96", "a=rid:f send", "a=rid:g send", "a=rid:" + strings.Repeat("x", 17) + " send", "a=rid:ä send"}
	for value, want := range map[string][]string{
		"send a;b":           {"a", "b"},
		"recv d send a;~b":   {"a", "b"},
		"send a;c;e":         {"a", "e"}, // c is not for 96
		"send c,a;b,e":       {"a", "b"},
		"send rid=a;b":       {"a", "b"},
		"send a;a;b":         {"a", "b"},
		"send b;a;e;f;g":     {"b", "a", "e", "f"},
		"send a":             nil,
		"send a;d":           nil,
		"send a;unknown":     nil,
		"send":               nil,
		"":                   nil,
		"recv a;b":           nil,
		"send ä;" + rids[7]:  nil,
		"send a;;b":          {"a", "b"},
		"SEND a;b recv a;b;": {"a", "b"},
	} {
		_, m := videoSection(t, append(rids, "a=simulcast:"+value)...)
		if got := m.rids(96); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

// TestManyRIDs names one encoding on the last line that is looked at, and one past it.
func TestManyRIDs(t *testing.T) {
	for n, want := range map[int][]string{maxRIDLines - 2: {"y", "z"}, maxRIDLines - 1: nil} {
		lines := []string{"a=simulcast:send y;z"}
		for i := range n {
			lines = append(lines, fmt.Sprintf("a=rid:%d send", i))
		}
		_, m := videoSection(t, append(lines, "a=rid:y send", "a=rid:z send")...)
		if got := m.rids(96); !reflect.DeepEqual(got, want) {
			t.Errorf("behind %d: %v", n, got)
		}
	}
}

func TestSources(t *testing.T) {
	var many []string
	for i := range maxSources + 1 {
		many = append(many, fmt.Sprintf("a=ssrc:%d cname:x", i+1))
	}
	for _, c := range []struct {
		lines []string
		want  []VideoSource
	}{
		{[]string{"a=ssrc:1 cname:x", "a=ssrc:1 msid:y"}, []VideoSource{{1, 0}}},
		{[]string{"a=ssrc-group:FID 1 2", "a=ssrc:1 cname:x", "a=ssrc:2 cname:x"}, []VideoSource{{1, 2}}},
		{[]string{"a=ssrc:1 cname:x", "a=ssrc:2 cname:x", "a=ssrc-group:FID 1 2"}, []VideoSource{{1, 2}}},
		{[]string{"a=ssrc-group:SIM 1 2", "a=ssrc-group:FID 1", "a=ssrc-group:FID 1 1", "a=ssrc:x", "a=ssrc:4294967296 cname:x"}, nil},
		{[]string{"a=ssrc:4294967295 cname:x"}, []VideoSource{{4294967295, 0}}},
	} {
		_, m := videoSection(t, c.lines...)
		if got := m.sources(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v: %v, want %v", c.lines, got, c.want)
		}
	}
	if _, m := videoSection(t, many...); len(m.sources()) != maxSources {
		t.Errorf("%d sources are kept", len(m.sources()))
	}
}

func TestVideos(t *testing.T) {
	line := "m=video 30002 RTP/AVP 96\r\n"
	for sdp, want := range map[string]int{
		audioLine: 0, audioLine + line: 1, audioLine + "m=video 0 RTP/AVP 96\r\n" + line + "m=VIDEO 4 RTP/AVP 96\r\nm=application 5 UDP/BFCP *\r\n": 2, "nonsense": -1,
	} {
		if n, can, err := Videos([]byte(sdp)); n != max(want, 0) || len(can) > 0 || (err != nil) != (want < 0) {
			t.Errorf("%q: %d, %v, %v", sdp, n, can, err)
		}
	}
	named := line + "a=rtpmap:96 VP8/90000\r\n"
	sdp := audioLine + named + strings.Replace(named, "30002", "0", 1) + strings.Replace(named, "VP8", "VP9", 1) + named
	if n, can, err := Videos([]byte(sdp)); n != 3 || !slices.Equal(can, []media.VideoFormat{vp8, {Codec: media.VP9}}) || err != nil {
		t.Errorf("%d, %v, %v", n, can, err)
	}
}
