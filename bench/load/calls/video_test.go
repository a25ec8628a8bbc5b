package calls

import (
	"net/netip"
	"strings"
	"testing"
)

func someVideo() *Video {
	return &Video{Media: netip.MustParseAddrPort("127.0.0.1:4002"), RTCP: netip.MustParseAddrPort("127.0.0.1:4003"),
		Format: Format{PayloadType: 96, Name: "H264/90000", Parameters: "profile-level-id=42e01f;packetization-mode=1"}, RTX: 97, Kbps: 900, Sends: true}
}

func videoOf(v *Video) *Offer {
	o := someOffer()
	o.Video = v
	return &o
}

func TestVideoOffer(t *testing.T) {
	const want = "m=video 4002 RTP/AVP 96 97\r\nb=AS:900\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=42e01f;packetization-mode=1\r\n" +
		"a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 ccm tmmbr\r\na=rtcp-fb:96 goog-remb\r\n" +
		"a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtcp:4003\r\na=sendrecv\r\n"
	o := videoOf(someVideo())
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	if text := o.sdp(1); !strings.HasSuffix(text, want) || !strings.Contains(text, "m=audio ") {
		t.Errorf("%s\nwant an end of\n%s", text, want)
	}
	o.Video.Sends, o.Video.RTX = false, 0
	if text := o.sdp(1); !strings.HasSuffix(text, "a=recvonly\r\n") || strings.Contains(text, "rtx") {
		t.Errorf("%s", text)
	}
}

func TestVideoOfferAtItsEdges(t *testing.T) {
	for name, spoil := range map[string]func(*Video){
		"no address":          func(v *Video) { v.Media = netip.AddrPort{} },
		"no RTCP":             func(v *Video) { v.RTCP = netip.AddrPort{} },
		"a static type":       func(v *Video) { v.Format.PayloadType = 95 },
		"a type beyond":       func(v *Video) { v.RTX = 128 },
		"one type for both":   func(v *Video) { v.RTX = 96 },
		"another clock":       func(v *Video) { v.Format.Name = "H264/8000" },
		"a line in the codec": func(v *Video) { v.Format.Parameters = "a\r\nb" },
	} {
		v := someVideo()
		spoil(v)
		if err := videoOf(v).complete(); err == nil {
			t.Errorf("%s is offered", name)
		}
	}
}

const videoHeadText = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n"

// What servers answer about video.
func TestVideoAnswers(t *testing.T) {
	full := VideoAnswer{Media: at("192.0.2.1:6000"), RTCP: at("192.0.2.1:6001"), PayloadType: 96, Sends: true, Receives: true}
	for name, k := range map[string]struct {
		text string
		want func(*VideoAnswer)
	}{
		"confd": {"m=video 6000 RTP/AVP 96 97\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=42e01f;packetization-mode=1\r\na=rtcp-fb:96 nack\r\n" +
			"a=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 ccm fir\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=sendrecv\r\n",
			func(a *VideoAnswer) { a.RTX, a.NACK, a.PLI, a.FIR = 97, true, true, true }},
		"feedback for all, numbers of its own": {"m=video 6000 RTP/AVPF 99\r\na=rtpmap:99 h264/90000\r\na=fmtp:99 packetization-mode=1\r\na=rtcp-fb:* nack pli\r\na=rtcp:7000\r\na=recvonly\r\n",
			func(a *VideoAnswer) { a.PayloadType, a.PLI, a.Sends, a.RTCP = 99, true, false, at("192.0.2.1:7000") }},
		"the second line": {"m=video 0 RTP/AVP 96\r\nm=video 6000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=sendonly\r\n",
			func(a *VideoAnswer) { a.Receives = false }},
		"port 0":       {"m=video 0 RTP/AVP 96\r\n", func(a *VideoAnswer) { *a = VideoAnswer{Refused: "port 0"} }},
		"no video":     {"", func(a *VideoAnswer) { *a = VideoAnswer{Refused: "no video stream"} }},
		"another mode": {"m=video 6000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n", func(a *VideoAnswer) { *a = VideoAnswer{Refused: "not H264/90000"} }},
		"another codec": {"m=video 6000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n",
			func(a *VideoAnswer) { *a = VideoAnswer{Refused: "not H264/90000"} }},
		"secured":       {"m=video 6000 RTP/SAVPF 96\r\na=rtpmap:96 H264/90000\r\n", func(a *VideoAnswer) { *a = VideoAnswer{Refused: `profile "RTP/SAVPF"`} }},
		"no address":    {"m=video 6000 RTP/AVP 96\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:96 H264/90000\r\n", func(a *VideoAnswer) { *a = VideoAnswer{Refused: "no address"} }},
		"a broken type": {"m=video 6000 RTP/AVP 300 x\r\na=rtpmap:300 H264/90000\r\n", func(a *VideoAnswer) { *a = VideoAnswer{Refused: "not H264/90000"} }},
	} {
		want := full
		k.want(&want)
		a, _, _, fault := videoOf(someVideo()).read(videoHeadText+k.text, nil)
		if fault != nil || a.Video != want {
			t.Errorf("%s: %+v (%v), want %+v", name, a.Video, fault, want)
		}
	}
}

// An offer within the call is answered with our stream where it is, the others refused.
func TestVideoIsAnswered(t *testing.T) {
	o := videoOf(someVideo())
	text, a, fault := o.answer(videoHeadText+"m=video 6000 RTP/AVPF 100 101\r\na=rtpmap:100 H264/90000\r\na=fmtp:100 packetization-mode=1\r\na=rtpmap:101 rtx/90000\r\na=fmtp:101 apt=100\r\n"+
		"m=video 6002 RTP/AVPF 100\r\na=rtpmap:100 H264/90000\r\n", Answer{Format: o.Formats[0]}, 2)
	if fault != nil || a.Video.PayloadType != 100 || a.Video.RTX != 101 {
		t.Fatalf("%+v %v", a.Video, fault)
	}
	for _, want := range []string{"m=video 4002 RTP/AVPF 100 101\r\n", "a=rtpmap:100 H264/90000\r\n", "a=fmtp:101 apt=100\r\n", "m=video 0 RTP/AVPF 100\r\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if text, a, _ = o.answer(videoHeadText+"m=video 6000 RTP/AVP 98\r\na=rtpmap:98 VP8/90000\r\n", a, 3); a.Video.Refused == "" || !strings.Contains(text, "m=video 0 RTP/AVP 98\r\n") {
		t.Errorf("%+v\n%s", a.Video, text)
	}
}

func FuzzVideoAnswer(f *testing.F) {
	f.Add("m=video 6000 RTP/AVP 96 97\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		o := videoOf(someVideo())
		a, _, _, fault := o.read(videoHeadText+text, nil)
		if fault == nil && a.Video.Refused == "" && (!a.Video.Media.IsValid() || a.Video.PayloadType > 127 || a.Video.RTX > 127) {
			t.Fatalf("%+v", a.Video)
		}
		if answer, _, fault := o.answer(videoHeadText+text, Answer{Format: o.Formats[0]}, 2); fault == nil && strings.Count(answer, "\nm=video 4002 ") > 1 {
			t.Fatal(answer)
		}
	})
}
