package offeranswer

import (
	"strings"
	"testing"

	"github.com/confd/confd/media"
)

// rich is a line with all that may be agreed on.
const rich = "m=video 30002 RTP/AVPF 96 97\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n" +
	"a=rtcp-fb:* nack\r\na=rtcp-fb:* nack pli\r\na=rtcp-fb:* ccm fir\r\na=rtcp-fb:* ccm tmmbr\r\na=rtcp-fb:* goog-remb\r\na=rtcp-fb:* transport-cc\r\n" +
	"a=rtcp-rsize\r\na=extmap:1 " + uriFrameMarking + "\r\na=extmap:2 " + uriMID + "\r\na=extmap:3 " + uriRID + "\r\na=extmap:4 " + uriRepairedRID + "\r\na=extmap:5 " + uriTransportCC + "\r\n" +
	"a=rid:a send\r\na=rid:b send\r\na=rid:c send\r\na=simulcast:send a;b;c\r\n"

func answerRich(t *testing.T, caps Capabilities) *Result {
	t.Helper()
	r, err := Negotiate([]byte(audioLine+rich), caps, withVideo(testLocal(""), 1), nil)
	if err != nil || !r.Negotiated.Video[0].Accepted {
		t.Fatalf("%v\n%s", err, summary(r))
	}
	checkResult(t, []byte(audioLine+rich), r, caps, withVideo(testLocal(""), 1))
	return r
}

// TestVideoCapabilitiesSwitchOff takes one thing away at a time.
func TestVideoCapabilitiesSwitchOff(t *testing.T) {
	all := answerRich(t, videoCapabilities(1)).Negotiated.Video[0]
	if all.SendRTX != 97 || all.FrameMarkingID != 1 || all.MIDID != 2 || all.RIDID != 3 || all.RepairedRIDID != 4 || all.TransportCCID != 5 ||
		len(all.RIDs) != 3 || !all.ReducedSize || all.Feedback != (VideoFeedback{true, true, true, true, true, true}) {
		t.Fatalf("%+v", all)
	}
	for name, c := range map[string]struct {
		off  func(*VideoCapabilities)
		want func(*Video)
	}{
		"RTX":           {func(c *VideoCapabilities) { c.RTX = false }, func(v *Video) { v.SendRTX = 0; v.Receive = map[uint8]uint8{96: 96} }},
		"frame marking": {func(c *VideoCapabilities) { c.FrameMarking = false }, func(v *Video) { v.FrameMarkingID = 0 }},
		"simulcast":     {func(c *VideoCapabilities) { c.Simulcast = false }, func(v *Video) { v.MIDID, v.RIDID, v.RepairedRIDID, v.RIDs = 0, 0, 0, nil }},
		"transport-cc":  {func(c *VideoCapabilities) { c.Feedback.TransportCC = false }, func(v *Video) { v.Feedback.TransportCC, v.TransportCCID = false, 0 }},
		"FIR":           {func(c *VideoCapabilities) { c.Feedback.FIR = false }, func(v *Video) { v.Feedback.FIR = false }},
	} {
		caps, want := videoCapabilities(1), all
		c.off(caps.Video)
		c.want(&want)
		if got := answerRich(t, caps).Negotiated.Video[0]; !sameVideo(got, want) {
			t.Errorf("without %s: %+v", name, got)
		}
	}
}

// TestHalfOfTransportCC has the feedback without the numbers that it is about, and the reverse.
func TestHalfOfTransportCC(t *testing.T) {
	line := "m=video 30002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"
	for _, half := range []string{"a=rtcp-fb:96 transport-cc\r\n", "a=extmap:5 " + uriTransportCC + "\r\n", "a=rtcp-fb:96 transport-cc\r\na=extmap:5/sendonly " + uriTransportCC + "\r\n"} {
		r, err := Negotiate([]byte(audioLine+line+half), videoCapabilities(1), withVideo(testLocal(""), 1), nil)
		if err != nil || r.Negotiated.Video[0].Feedback.TransportCC || r.Negotiated.Video[0].TransportCCID != 0 || strings.Contains(string(r.SDP), "transport-") {
			t.Errorf("%q: %v\n%s", half, err, r.SDP)
		}
	}
}

// TestVideoNumbersLikeRTCP leaves out what a shared port would take for RTCP (RFC 5761 section 4).
func TestVideoNumbersLikeRTCP(t *testing.T) {
	line := func(pt, rtx string) string {
		return "m=video 30002 RTP/AVP " + pt + " 96 " + rtx + "\r\na=rtpmap:" + pt + " VP8/90000\r\na=rtpmap:96 VP9/90000\r\na=rtpmap:" + rtx + " rtx/90000\r\na=fmtp:" + rtx + " apt=" + pt + "\r\n"
	}
	for _, c := range []struct {
		pt, rtx, mux string
		send, repair uint8
	}{
		{"72", "73", "", 72, 73}, {"64", "98", "a=rtcp-mux\r\n", 96, 0}, {"95", "98", "a=rtcp-mux\r\n", 96, 0},
		{"63", "95", "a=rtcp-mux\r\n", 63, 0}, {"99", "64", "a=rtcp-mux\r\n", 99, 0}, {"63", "98", "a=rtcp-mux\r\n", 63, 98},
	} {
		r, err := Negotiate([]byte(audioLine+line(c.pt, c.rtx)+c.mux), videoCapabilities(1, vp8, media.VideoFormat{Codec: media.VP9}), withVideo(testLocal(""), 1), nil)
		if v := r.Negotiated.Video[0]; err != nil || v.SendPT != c.send || v.SendRTX != c.repair {
			t.Errorf("%+v: %v\n%s", c, err, summary(r))
		}
	}
}

// TestRichLineIsRefreshed offers again what was agreed on, and reads answers that leave out or
// add to it.
func TestRichLineIsRefreshed(t *testing.T) {
	caps, local := videoCapabilities(1), withVideo(testLocal(""), 1)
	r := answerRich(t, caps)
	again, err := Refresh(caps, local, r.State)
	if err != nil || string(again.SDP) != string(r.SDP) {
		t.Fatalf("%v\n%s\n%s", err, r.SDP, again.SDP)
	}
	same, err := Accept(again, []byte(audioLine+rich), caps, local)
	if err != nil || !same.Unchanged {
		t.Errorf("%v\n%s", err, summary(same))
	}
	other := strings.ReplaceAll(rich, "a;b;c", "c;x;a") + "a=rid:x send\r\n"
	got, err := Accept(again, []byte(audioLine+other), caps, local)
	if err != nil || strings.Join(got.Negotiated.Video[0].RIDs, " ") != "c a" {
		t.Errorf("%v\n%s", err, summary(got))
	}
	moved := strings.ReplaceAll(rich, "extmap:5 ", "extmap:6 ")
	if got, err = Accept(again, []byte(audioLine+moved), caps, local); err != nil || got.Negotiated.Video[0].Feedback.TransportCC {
		t.Errorf("%v\n%s", err, summary(got))
	}
}

// TestOfferToWhoNamedMuch offers afresh with all that the peer has named.
func TestOfferToWhoNamedMuch(t *testing.T) {
	caps, local := videoCapabilities(1, media.VideoFormat{Codec: media.VP9}), withVideo(testLocal(""), 1)
	caps.RTCPMux = false
	r, err := Negotiate([]byte(audioLine+rich), caps, local, nil)
	if err != nil || r.Negotiated.Video[0].Accepted {
		t.Fatalf("%v\n%s", err, summary(r))
	}
	caps.Video.Formats = []media.VideoFormat{vp8}
	o, err := OfferVideo(caps, local, r.State)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"AVPF 96 97\r\n", "goog-remb", "* transport-cc", "a=extmap:5 " + uriTransportCC, "a=extmap:1/recvonly " + uriFrameMarking, "a=rtcp-rsize"} {
		if !strings.Contains(string(o.SDP), want) {
			t.Errorf("no %s in\n%s", want, o.SDP)
		}
	}
	got, err := Accept(o, []byte(audioLine+rich), caps, local)
	if v := got.Negotiated.Video[0]; err != nil || v.TransportCCID != 5 || v.FrameMarkingID != 1 || v.RIDs != nil || !v.ReducedSize || v.SendRTX != 97 {
		t.Errorf("%v\n%s", err, summary(got))
	}
}

func TestVideoNumbers(t *testing.T) {
	baseline, subset := meaning{format: h264(media.H264Baseline, 1)}, meaning{format: h264(media.H264ConstrainedBaseline, 1)}
	var v videoSlot
	v.bind(97, baseline)
	v.bind(97, subset)
	v.bind(97, baseline)
	if a, _ := v.number(baseline); a != 97 || len(v.numbers) != 2 {
		t.Errorf("%v", v.numbers)
	}
	if b, _ := v.number(subset); b != 97 {
		t.Errorf("%v", v.numbers)
	}
	v.bind(97, meaning{format: vp8})
	if n, _ := v.number(subset); n != 96 || len(v.numbers) != 2 {
		t.Errorf("%v", v.numbers)
	}
}

// TestStatesAreKept leaves an exchange that came to nothing without a trace.
func TestStatesAreKept(t *testing.T) {
	caps, local := videoCapabilities(1), withVideo(testLocal(""), 1)
	line := "m=video 30002 RTP/AVP 96 97\r\na=rtpmap:97 theora/90000\r\na=rtpmap:96 "
	r, err := Negotiate([]byte(audioLine+line+"VP9/90000\r\n"), caps, local, nil)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := OfferVideo(caps, local, r.State)
	if _, err := Negotiate([]byte(audioLine+line+"VP8/90000\r\n"), caps, local, r.State); err != nil {
		t.Fatal(err)
	}
	after, _ := OfferVideo(caps, local, r.State)
	if string(before.SDP) != string(after.SDP) || !strings.Contains(string(after.SDP), "a=rtpmap:96 VP9/90000\r\n") {
		t.Errorf("%s\n%s", before.SDP, after.SDP)
	}
}

func TestSameReason(t *testing.T) {
	a := refused(WarnMediaFormat, 7, "x", "y")
	for _, c := range []struct {
		b    *Error
		same bool
	}{
		{refused(WarnMediaFormat, 9, "x", "y"), true}, {refused(WarnMediaFormat, 7, "z", "y"), false}, {refused(WarnMediaFormat, 7, "x", "z"), false}, {malformed(7, "x", "y"), false}, {nil, false},
	} {
		if a.sameAs(c.b) != c.same {
			t.Errorf("%v and %v", a, c.b)
		}
	}
	if none := (*Error)(nil); !none.sameAs(nil) || none.sameAs(a) {
		t.Error("no reason")
	}
}
