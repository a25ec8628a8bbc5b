package offeranswer

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/confd/confd/media"
)

// TestVideoSeveral answers with more formats than one, in another order and under other numbers.
func TestVideoSeveral(t *testing.T) {
	caps, local := videoCapabilities(1), withVideo(testLocal(""), 1)
	ours, _ := Offer(caps, local, nil)
	answer := audioLine + "m=video 30002 RTP/AVP 120 121\r\na=rtpmap:120 VP8/90000\r\na=rtpmap:121 H264/90000\r\na=fmtp:121 profile-level-id=42801f;packetization-mode=1\r\n"
	r, err := Accept(ours, []byte(answer), caps, local)
	if err != nil {
		t.Fatal(err)
	}
	v := r.Negotiated.Video[0]
	own := slices.Sorted(maps.Keys(v.Receive))
	if !v.Several || v.Format != vp8 || v.SendPT != 120 || !slices.Equal(own, []uint8{98, 120}) {
		t.Errorf("%s", summary(r))
	}
}

// TestVideoAnswerWithoutParameters takes a number at its word where the answer says no more.
func TestVideoAnswerWithoutParameters(t *testing.T) {
	caps, local := videoCapabilities(1), withVideo(testLocal(""), 1)
	ours, _ := Offer(caps, local, nil)
	constrained := h264(media.H264ConstrainedBaseline, 1)
	for rtpmap, want := range map[string]media.VideoFormat{
		"": constrained, "a=rtpmap:96 H264/90000\r\n": constrained, "a=rtpmap:96 VP9/90000\r\n": {Codec: media.VP9},
		"a=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=640c1f;packetization-mode=1\r\n": {},
	} {
		r, err := Accept(ours, []byte(audioLine+"m=video 30002 RTP/AVP 96\r\n"+rtpmap), caps, local)
		if v := r.Negotiated.Video[0]; err != nil || v.Format != want || v.Accepted && v.SendPT != 96 {
			t.Errorf("%q: %v\n%s", rtpmap, err, summary(r))
		}
	}
}

// TestBadVideoAnswers loses the video, never the call.
func TestBadVideoAnswers(t *testing.T) {
	caps := videoCapabilities(1)
	plain, _ := Offer(caps, withVideo(testLocal(""), 1), nil)
	caps.SRTP = SRTPRequired
	secured, _ := Offer(caps, withVideo(testLocal(""), 1), nil)
	key := "a=crypto:1 AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw==\r\n"
	safe := start + "m=audio 30000 RTP/SAVP 0\r\n" + key
	for name, c := range map[string]struct {
		ours    *OfferResult
		answer  string
		warning int
	}{
		"no m= line":       {plain, audioLine, WarnMediaType},
		"audio for video":  {plain, audioLine + "m=audio 30002 RTP/AVP 0\r\n", WarnMediaType},
		"port 0":           {plain, audioLine + "m=video 0 RTP/AVP 96\r\n", WarnMediaType},
		"other profile":    {plain, audioLine + "m=video 30002 RTP/SAVP 96\r\n" + key, WarnTransport},
		"plain for secure": {secured, safe + "m=video 30002 RTP/AVP 96\r\n", WarnTransport},
		"no key":           {secured, safe + "m=video 30002 RTP/SAVP 96\r\n", WarnTransport},
		"short tag":        {secured, safe + "m=video 30002 RTP/SAVP 96\r\na=crypto:3 AES_CM_128_HMAC_SHA1_32 inline:ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMy\r\n", WarnTransport},
		"other format":     {plain, audioLine + "m=video 30002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=4d001f;packetization-mode=1\r\n", WarnMediaFormat},
		"other family":     {plain, audioLine + "m=video 30002 RTP/AVP 96\r\nc=IN IP6 2001:db8::9\r\n", WarnAddressFormat},
	} {
		r, err := Accept(c.ours, []byte(c.answer), caps, withVideo(testLocal(""), 1))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		v := r.Negotiated.Video[0]
		if v.Accepted || v.Refused == nil || v.Refused.Warning != c.warning || !r.Negotiated.Audio {
			t.Errorf("%s: %s", name, summary(r))
		}
		again, err := Refresh(caps, withVideo(testLocal(""), 1), r.State)
		if err != nil || !strings.Contains(string(again.SDP), "m=video 0 ") {
			t.Errorf("%s: %v\n%s", name, err, again.SDP)
		}
	}
}

// TestAnswerAddsNothing ignores what an answer names that we did not offer.
func TestAnswerAddsNothing(t *testing.T) {
	caps, local := videoCapabilities(1, vp8), withVideo(testLocal(""), 1)
	ours, _ := Offer(caps, local, nil)
	r, err := Accept(ours, []byte(audioLine+rich), caps, local)
	if err != nil {
		t.Fatal(err)
	}
	v := r.Negotiated.Video[0]
	if v.SendRTX != 0 || v.ReducedSize || v.RIDs != nil || v.TransportCCID+v.FrameMarkingID+v.RIDID != 0 || v.Feedback != (VideoFeedback{NACK: true, PLI: true, FIR: true, TMMBR: true}) {
		t.Errorf("%s", summary(r))
	}
}

// TestAnswerUnderANumberOfAnother takes pictures under a number that we offered for another
// format of the same codec, and not where it means another codec.
func TestAnswerUnderANumberOfAnother(t *testing.T) {
	caps, local := videoCapabilities(1, h264(media.H264ConstrainedBaseline, 1), vp8, h264(media.H264ConstrainedBaseline, 0)), withVideo(testLocal(""), 1)
	ours, _ := Offer(caps, local, nil)
	for answer, want := range map[string]map[uint8]uint8{
		"a=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=42e01f\r\n": {98: 98, 96: 96},
		"a=rtpmap:96 VP8/90000\r\n":                                       {97: 97},
	} {
		r, err := Accept(ours, []byte(audioLine+"m=video 30002 RTP/AVP 96\r\n"+answer), caps, local)
		if v := r.Negotiated.Video[0]; err != nil || v.SendPT != 96 || !maps.Equal(v.Receive, want) {
			t.Errorf("%q: %v\n%s", answer, err, summary(r))
		}
	}
}
