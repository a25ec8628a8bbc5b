package offeranswer

import (
	"strings"
	"testing"

	"github.com/confd/confd/media"
)

var h264Mode1 = media.VideoFormat{Codec: media.H264, Profile: media.H264ConstrainedBaseline, PacketizationMode: 1}

// offered agrees on one line of an offer, with attributes of ours.
func offered(t *testing.T, rtpmap, fmtp string, attributes ...string) (Capabilities, Local, *Result) {
	t.Helper()
	offer := audioLine + "m=video 30002 RTP/AVP 96\r\na=rtpmap:96 " + rtpmap + "\r\n"
	if fmtp != "" {
		offer += "a=fmtp:96 " + fmtp + "\r\n"
	}
	for _, a := range attributes {
		offer += "a=" + a + "\r\n"
	}
	caps, local := videoCapabilities(1), withVideo(testLocal(""), 1)
	r, err := Negotiate([]byte(offer), caps, local, nil)
	if err != nil || len(r.Negotiated.Video) != 1 || !r.Negotiated.Video[0].Accepted {
		t.Fatalf("%v\n%s", err, summary(r))
	}
	return caps, local, r
}

func TestTakes(t *testing.T) {
	for _, c := range []struct {
		rtpmap, fmtp, attribute string
		want                    media.VideoLimit
	}{
		{"H264/90000", "packetization-mode=1", "x", media.VideoLimit{}},
		{"H264/90000", "packetization-mode=1;profile-level-id=42e01f", "x", media.VideoLimit{Level: 31}},
		{"H264/90000", "packetization-mode=1;profile-level-id=42f00b", "x", media.VideoLimit{Level: 9}},
		{"H264/90000", "packetization-mode=1;profile-level-id=42e00d;max-mbps=108000;max-fs=3600", "x", media.VideoLimit{Level: 31}},
		{"H264/90000", "packetization-mode=1;profile-level-id=42e00d;max-mbps=107999;max-fs=3600", "x", media.VideoLimit{Level: 30}},
		{"H264/90000", "packetization-mode=1;profile-level-id=42e00d;max-mbps=108000;max-fs=3599", "x", media.VideoLimit{Level: 30}},
		{"H264/90000", "packetization-mode=1;profile-level-id=42e00d;max-fs=3600", "x", media.VideoLimit{Level: 20}},
		{"H264/90000", "packetization-mode=1;profile-level-id=42e029;max-fs=1", "x", media.VideoLimit{Level: 41}},
		{"H264/90000", "packetization-mode=1;profile-level-id=42e01f", "imageattr:* send [x=1920,y=1080] recv [x=320,y=240] [x=640,y=480]", media.VideoLimit{Level: 31, Width: 640, Height: 480}},
		{"H264/90000", "packetization-mode=1;profile-level-id=42e01f", "framesize:96 352-288", media.VideoLimit{Level: 31, Width: 352, Height: 288}},
		{"H264/90000", "packetization-mode=1;profile-level-id=42e01f", "imageattr:* send [x=352,y=288]", media.VideoLimit{Level: 31}},
		{"H265/90000", "", "x", media.VideoLimit{}},
		{"H265/90000", "level-id=90", "x", media.VideoLimit{Level: 90}},
		{"AV1/90000", "", "x", media.VideoLimit{}},
		{"AV1/90000", "level-idx=4", "x", media.VideoLimit{Level: 4}},
		{"VP8/90000", "max-fs=3600;max-fr=30", "x", media.VideoLimit{FrameSize: 3600, FrameRate: 30}},
		{"VP8/90000", "max-fs=3600", "imageattr:* recv [x=640,y=481]", media.VideoLimit{Width: 640, Height: 481, FrameSize: 40 * 31}},
		{"VP9/90000", "profile-id=0;max-fs=99", "imageattr:* recv [x=640,y=480]", media.VideoLimit{Width: 640, Height: 480, FrameSize: 99}},
	} {
		_, _, r := offered(t, c.rtpmap, c.fmtp, c.attribute)
		if got := r.Negotiated.Video[0].Takes(); got != c.want {
			t.Errorf("%s %s %s: %+v, want %+v", c.rtpmap, c.fmtp, c.attribute, got, c.want)
		}
	}
	if levelsH264[0].level != defaultLevelH264 {
		t.Error("the least level is not the first")
	}
}

// A peer that answers with the limit that it was told takes what it took before, and is told so
// when the limit has gone.
func TestLimitIsNotTheirs(t *testing.T) {
	caps, local, r := offered(t, "H264/90000", "packetization-mode=1;profile-level-id=42e01f", "framesize:96 640-480")
	limited := caps
	limited.Video = new(VideoCapabilities)
	*limited.Video = *caps.Video
	limited.Video.Formats, limited.Video.Settled = []media.VideoFormat{h264Mode1}, true
	limited.Video.Limits = map[media.VideoFormat]media.VideoLimit{h264Mode1: {Level: 13, Width: 352, Height: 288}}
	answer := audioLine + "m=video 30002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;profile-level-id=42e0"
	for _, c := range []struct {
		level string
		takes uint8
		again string
	}{
		{"0d", 31, "42e01f"}, {"0c", 12, "42e00c"},
	} {
		o, err := OfferVideo(limited, local, r.State)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"profile-level-id=42e00d;", "a=framesize:96 352-288\r\n", "a=imageattr:* recv [x=[16:352],y=[16:288]]\r\n"} {
			if !strings.Contains(string(o.SDP), want) {
				t.Errorf("%q is not in\n%s", want, o.SDP)
			}
		}
		a, err := Accept(o, []byte(answer+c.level+"\r\n"), limited, local)
		if err != nil {
			t.Fatal(err)
		}
		if v := a.Negotiated.Video[0]; v.Takes().Level != c.takes || v.Level != 13 || v.Limit != limited.Video.Limits[h264Mode1] {
			t.Errorf("%s: takes %+v, was told %d and %+v", c.level, v.Takes(), v.Level, v.Limit)
		}
		caps.Video.Settled, caps.Video.Formats = true, limited.Video.Formats
		if o, err = OfferVideo(caps, local, a.State); err != nil || !strings.Contains(string(o.SDP), "profile-level-id="+c.again+";") || strings.Contains(string(o.SDP), "framesize") {
			t.Errorf("without the limit: %v\n%s", err, o.SDP)
		}
	}
	// One that we know nothing else of.
	o, err := Offer(limited, local, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Accept(o, []byte(answer+"0d\r\n"), limited, local)
	if err != nil || a.Negotiated.Video[0].Takes().Level != 0 {
		t.Errorf("%v, of who was offered level 1.3: %s", err, summary(a))
	}
	if o, err = OfferVideo(caps, local, a.State); err != nil || !strings.Contains(string(o.SDP), "profile-level-id=42e01f;") {
		t.Errorf("%v\n%s", err, o.SDP)
	}
}

// Slides have to be legible.
func TestSlidesHaveNoLimit(t *testing.T) {
	offer := audioLine
	for _, content := range []string{"main", "slides"} {
		offer += "m=video 30002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\na=imageattr:* recv [x=1920,y=1080]\r\na=content:" + content + "\r\n"
	}
	caps, local := videoCapabilities(2, vp8), withVideo(testLocal(""), 2)
	caps.Video.Limits = map[media.VideoFormat]media.VideoLimit{vp8: {Width: 352, Height: 288, FrameSize: 396, FrameRate: 15}}
	r, err := Negotiate([]byte(offer), caps, local, nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := OfferVideo(caps, local, r.State)
	if err != nil {
		t.Fatal(err)
	}
	for _, sdp := range []string{string(r.SDP), string(o.SDP)} {
		lines := strings.Split(sdp, "m=video")[1:]
		for _, told := range []string{"max-fr=15;max-fs=396\r\n", "a=imageattr:* recv [x=[16:352],y=[16:288]]\r\n"} {
			if !strings.Contains(lines[0], told) || strings.Contains(lines[1], told) {
				t.Errorf("%q:\n%s", told, sdp)
			}
		}
	}
}
