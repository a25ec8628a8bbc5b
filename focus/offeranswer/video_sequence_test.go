package offeranswer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/confd/confd/media"
)

var vp8 = media.VideoFormat{Codec: media.VP8}

// videoPhone is a second party made of this very package, with as many ends for video.
func videoPhone(ends int) Local { return withVideo(phone(), ends) }

// videoCall runs ours through a phone and returns both ends, as call does.
func videoCall(t *testing.T, ours *OfferResult, caps, phoneCaps Capabilities, ends int, at *State) (server, peer *Result) {
	t.Helper()
	peer, err := Negotiate(ours.SDP, phoneCaps, videoPhone(ends), at)
	if err != nil {
		t.Fatalf("our own offer is refused: %v\n%s", err, ours.SDP)
	}
	checkResult(t, ours.SDP, peer, phoneCaps, videoPhone(ends))
	server, err = Accept(ours, peer.SDP, caps, withVideo(testLocal(""), 2))
	if err != nil {
		t.Fatalf("our own answer is refused: %v\n%s", err, peer.SDP)
	}
	checkNegotiated(t, &server.Negotiated)
	checkVideos(t, server, caps, withVideo(testLocal(""), 2))
	checkMirror(t, &server.Negotiated, &peer.Negotiated)
	checkVideoMirror(t, server.Negotiated.Video, peer.Negotiated.Video)
	return server, peer
}

// checkVideoMirror wants two ends that understand each other.
func checkVideoMirror(t *testing.T, a, b []Video) {
	t.Helper()
	if len(a) != len(b) {
		t.Fatalf("%d and %d lines", len(a), len(b))
	}
	for i := range a {
		v, w := &a[i], &b[i]
		if v.Accepted != w.Accepted {
			t.Errorf("line %d is accepted: %v and %v", i, v.Accepted, w.Accepted)
		}
		if !v.Accepted || !w.Accepted {
			continue
		}
		for _, way := range [][2]*Video{{v, w}, {w, v}} {
			from, to := way[0], way[1]
			if to.Receive[from.SendPT] != from.SendPT || from.SendRTX != 0 && to.Receive[from.SendRTX] != from.SendPT {
				t.Errorf("sent are %d and %d, received %v", from.SendPT, from.SendRTX, to.Receive)
			}
			if (from.SRTP == nil) != (to.SRTP == nil) || from.SRTP != nil && string(from.SRTP.LocalKey) != string(to.SRTP.RemoteKey) {
				t.Error("keys do not fit")
			}
		}
		if v.Format != w.Format || v.Feedback != w.Feedback || v.ReducedSize != w.ReducedSize || v.RTCPMux != w.RTCPMux || v.TransportCCID != w.TransportCCID || v.Direction != w.Direction.Reverse() {
			t.Errorf("one end has %+v\nthe other %+v", v, w)
		}
	}
}

func TestVideoOfferIsOurOwnAnswer(t *testing.T) {
	for _, policy := range []SRTPPolicy{SRTPOff, SRTPRequired} {
		caps := videoCapabilities(2)
		caps.SRTP = policy
		ours, err := Offer(caps, withVideo(testLocal(""), 2), nil)
		if err != nil {
			t.Fatal(err)
		}
		checkLines(t, ours.SDP)
		server, _ := videoCall(t, ours, caps, videoCapabilities(1, vp8), 1, nil)
		v := server.Negotiated.Video
		if len(v) != 2 || !v[0].Accepted || v[0].Format != vp8 || v[1].Accepted || v[1].Refused == nil {
			t.Errorf("%s", summary(server))
		}
		if (v[0].SRTP != nil) != (policy == SRTPRequired) || v[0].SRTP != nil && v[0].SRTP.Suite != AEADAES128GCM {
			t.Errorf("%s", summary(server))
		}
	}
}

// TestVideoMovesToAnotherFormat has a room settle on what the phone did not begin with, and on
// what it cannot.
func TestVideoMovesToAnotherFormat(t *testing.T) {
	offer := audioLine + "m=video 30002 RTP/AVP 97 96 98\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42801e;packetization-mode=1\r\n" +
		"a=rtpmap:96 VP8/90000\r\na=rtpmap:98 rtx/90000\r\na=fmtp:98 apt=96\r\n"
	caps, local := videoCapabilities(1), withVideo(testLocal(""), 1)
	r, err := Negotiate([]byte(offer), caps, local, nil)
	if err != nil || r.Negotiated.Video[0].Format.Codec != media.H264 {
		t.Fatalf("%v %s", err, r.SDP)
	}
	caps.Video.Formats, caps.Video.Settled = []media.VideoFormat{vp8, h264(media.H264High, 1)}, true
	moved, err := OfferVideo(caps, local, r.State)
	if err != nil {
		t.Fatal(err)
	}
	audio := func(sdp []byte) string {
		_, rest, _ := strings.Cut(string(sdp), "m=audio")
		line, _, _ := strings.Cut(rest, "m=video")
		return line
	}
	if audio(moved.SDP) != audio(r.SDP) || !strings.Contains(string(moved.SDP), "m=video 16386 RTP/AVP 96 98\r\n") {
		t.Errorf("%s", moved.SDP)
	}
	peer, err := Negotiate(moved.SDP, videoCapabilities(1, vp8), videoPhone(1), nil)
	if err != nil {
		t.Fatal(err)
	}
	r2, err := Accept(moved, peer.SDP, caps, local)
	if err != nil || r2.Negotiated.Video[0].Format != vp8 || r2.Negotiated.Video[0].SendRTX != 98 || len(r2.Negotiated.Video[0].Can) != 3 || r2.Unchanged {
		t.Errorf("%v %s", err, summary(r2))
	}
	caps.Video.Formats = []media.VideoFormat{h264(media.H264High, 1)}
	again, err := OfferVideo(caps, local, r2.State)
	if err != nil || !strings.Contains(string(again.SDP), "m=video 16386 RTP/AVP 99 100\r\n") || !strings.Contains(string(again.SDP), "profile-level-id=64001f") {
		t.Errorf("number 97 is the phone's: %v\n%s", err, again.SDP)
	}
	caps.Video.Formats = nil
	over, err := OfferVideo(caps, local, r2.State)
	if err != nil || !strings.Contains(string(over.SDP), "m=video 0 RTP/AVP") || strings.Count(string(over.SDP), "m=video") != 1 {
		t.Errorf("video goes on: %v\n%s", err, over.SDP)
	}
}

// TestRefusedVideoComesBack refuses a line and gives it back, on the slot that it has.
func TestRefusedVideoComesBack(t *testing.T) {
	offer := start + "m=video 30002 RTP/AVPF 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=42e00c;packetization-mode=1\r\na=content:slides\r\nm=audio 30000 RTP/AVP 0\r\n"
	caps, local := videoCapabilities(1, vp8), withVideo(testLocal(""), 1)
	r, err := Negotiate([]byte(offer), caps, local, nil)
	if err != nil || r.Negotiated.Video[0].Accepted || r.Negotiated.Video[0].Refused.Warning != WarnMediaFormat {
		t.Fatalf("%v\n%s", err, summary(r))
	}
	same, err := Refresh(caps, local, r.State)
	if err != nil || string(same.SDP) != string(r.SDP) {
		t.Errorf("%v\n%s", err, same.SDP)
	}
	caps.Video.Formats = []media.VideoFormat{h264(media.H264ConstrainedBaseline, 1)}
	back, err := OfferVideo(caps, local, r.State)
	want := "m=video 16386 RTP/AVPF 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=42e00c;packetization-mode=1\r\n"
	if err != nil || !strings.Contains(string(back.SDP), want) || !strings.Contains(string(back.SDP), "a=content:slides\r\n") {
		t.Errorf("%v\n%s", err, back.SDP)
	}
	if after := back.Rejected(); after.Negotiated().Video[0].Accepted {
		t.Error("a rejected offer of video is in force")
	}
}

// TestDeclinedVideoRests wants no offer of video again to who has declined, but at our wish.
func TestDeclinedVideoRests(t *testing.T) {
	caps, local := videoCapabilities(1), withVideo(testLocal(""), 1)
	ours, _ := Offer(caps, local, nil)
	server, peer := videoCall(t, ours, caps, videoCapabilities(0), 0, nil)
	if v := server.Negotiated.Video[0]; v.Accepted || v.Refused == nil {
		t.Fatal(summary(server))
	}
	again, err := Refresh(caps, local, server.State)
	if err != nil || !strings.Contains(string(again.SDP), "m=video 0 ") || !strings.Contains(string(again.SDP), "o=confd 1000 2 ") {
		t.Fatalf("%v\n%s", err, again.SDP)
	}
	server, peer = videoCall(t, again, caps, videoCapabilities(0), 0, peer.State)
	wish, err := OfferVideo(caps, local, server.State)
	if err != nil || !strings.Contains(string(wish.SDP), "m=video 16386 ") {
		t.Fatalf("%v\n%s", err, wish.SDP)
	}
	server, _ = videoCall(t, wish, caps, videoCapabilities(1), 1, peer.State)
	if !server.Negotiated.Video[0].Accepted {
		t.Error(summary(server))
	}
}

func TestVideoRefreshKeepsKeysAndSaysTheSame(t *testing.T) {
	caps, local := videoCapabilities(2), withVideo(testLocal(""), 2)
	caps.SRTP = SRTPRequired
	ours, _ := Offer(caps, local, nil)
	server, peer := videoCall(t, ours, caps, videoCapabilities(2, vp8), 2, nil)
	again, err := Refresh(caps, local, server.State)
	if err != nil {
		t.Fatal(err)
	}
	third, peer2 := videoCall(t, again, caps, videoCapabilities(2, vp8), 2, peer.State)
	if !third.Unchanged || !peer2.Unchanged || string(peer.SDP) != string(peer2.SDP) {
		t.Errorf("%s\n%s\n%s", again.SDP, peer.SDP, peer2.SDP)
	}
	fourth, err := Refresh(caps, local, third.State)
	if err != nil || string(fourth.SDP) != string(again.SDP) {
		t.Errorf("%v\n%s\n%s", err, again.SDP, fourth.SDP)
	}
}

// TestVideoSwitchedOnLater has a room without video, where numbers of the phone's are taken all
// the same.
func TestVideoSwitchedOnLater(t *testing.T) {
	offer := audioLine + "m=video 30002 RTP/AVP 96 97\r\na=rtpmap:96 VP9/90000\r\na=rtpmap:97 theora/90000\r\n"
	caps, local := DefaultCapabilities(), testLocal("")
	r, err := Negotiate([]byte(offer), caps, local, nil)
	if err != nil || r.Negotiated.Video != nil || !strings.Contains(string(r.SDP), "m=video 0 RTP/AVP 96\r\n") {
		t.Fatalf("%v\n%s", err, r.SDP)
	}
	caps, local = videoCapabilities(2, vp8), withVideo(local, 2)
	local.Video[1].Content = "slides"
	on, err := OfferVideo(caps, local, r.State)
	if err != nil || !strings.Contains(string(on.SDP), "m=video 16386 RTP/AVP 98\r\n") || !strings.Contains(string(on.SDP), "m=video 16388 RTP/AVP 96\r\n") || !strings.Contains(string(on.SDP), "a=content:slides\r\n") {
		t.Errorf("%v\n%s", err, on.SDP)
	}
}

// TestVideoGroup keeps video where audio goes to the group and back.
func TestVideoGroup(t *testing.T) {
	caps, local := videoCapabilities(1), withVideo(testLocal("@group"), 1)
	r, err := Negotiate([]byte(audioLine+"m=video 30002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"), caps, local, nil)
	if err != nil {
		t.Fatal(err)
	}
	group, err := OfferGroup(caps, local, r.State)
	if err != nil || !strings.Contains(string(group.SDP), "m=video 16386 RTP/AVP 96\r\n") {
		t.Fatalf("%v\n%s", err, group.SDP)
	}
	d, _ := parse(group.SDP)
	answer := start + fmt.Sprintf("m=audio %d RTP/AVP %s\r\nc=%s\r\na=recvonly\r\n", d.media[0].port, strings.Join(d.media[0].formats, " "), d.media[0].conn.text) +
		"m=video 30002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"
	r, err = Accept(group, []byte(answer), caps, local)
	if err != nil || !r.Negotiated.Multicast.IsValid() || !r.Negotiated.Video[0].Accepted {
		t.Fatalf("%v %s", err, summary(r))
	}
	caps.Video.Formats = []media.VideoFormat{{Codec: media.VP9}}
	moved, err := OfferVideo(caps, local, r.State)
	if err != nil || moved.Group() == nil || !strings.Contains(string(moved.SDP), "a=rtpmap:97 VP9/90000\r\n") {
		t.Errorf("%v\n%s", err, moved.SDP)
	}
}

// TestVideoEndsStay changes which lines there are and wants each to keep its end.
func TestVideoEndsStay(t *testing.T) {
	caps, local := videoCapabilities(2), withVideo(testLocal(""), 2)
	line := func(port int) string {
		return fmt.Sprintf("m=video %d RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n", port)
	}
	var state *State
	for i, step := range []struct {
		ports []int
		ends  []int // -1 is refused or disabled
	}{
		{[]int{0, 30002}, []int{-1, 0}},
		{[]int{30004, 30002}, []int{1, 0}},
		{[]int{30004, 30002, 30006}, []int{1, 0, -1}},
		{[]int{30004, 0, 30006}, []int{1, -1, 0}},
		{[]int{30004, 30002, 30006}, []int{1, -1, 0}},
	} {
		offer := audioLine
		for _, port := range step.ports {
			offer += line(port)
		}
		r, err := Negotiate([]byte(offer), caps, local, state)
		if err != nil {
			t.Fatal(err)
		}
		state = r.State
		for j, v := range r.Negotiated.Video {
			if end := step.ends[j]; v.Accepted != (end >= 0) || v.Accepted && v.Local != end {
				t.Errorf("step %d, line %d: end %d, accepted %v, want %d", i, j, v.Local, v.Accepted, end)
			}
		}
	}
}

// TestVideoWithoutAudio tells nothing of video once there is no audio.
func TestVideoWithoutAudio(t *testing.T) {
	caps, local := videoCapabilities(1), withVideo(testLocal(""), 1)
	line := "m=video 30002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"
	r, err := Negotiate([]byte(audioLine+line), caps, local, nil)
	if err != nil {
		t.Fatal(err)
	}
	silent := local
	silent.NoAudio = true
	over, err := Negotiate([]byte(audioLine+line), caps, silent, r.State)
	if err != nil || !over.Negotiated.Equal(&Negotiated{}) || strings.Count(string(over.SDP), " 0 RTP/AVP") != 2 {
		t.Errorf("%v\n%s", err, over.SDP)
	}
	again, _ := Refresh(caps, local, r.State)
	declined, err := Accept(again, []byte(start+"m=audio 0 RTP/AVP 0\r\n"+line), caps, local)
	if err != nil || !declined.Negotiated.Equal(&Negotiated{}) {
		t.Errorf("%v\n%s", err, summary(declined))
	}
}

// TestVideoHold tells hold, which is the whole call's, from a line that only sends.
func TestVideoHold(t *testing.T) {
	caps, local := videoCapabilities(1), withVideo(testLocal(""), 1)
	offer := func(audio, video string) []byte {
		return []byte(audioLine + "a=" + audio + "\r\nm=video 30002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\na=" + video + "\r\n")
	}
	r, err := Negotiate(offer("sendrecv", "sendrecv"), caps, local, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		audio, video string
		held         bool
	}{
		{"sendrecv", "sendonly", false}, {"sendonly", "sendonly", true}, {"sendonly", "inactive", true}, {"sendonly", "recvonly", false}, {"inactive", "sendrecv", false},
	} {
		r, err = Negotiate(offer(c.audio, c.video), caps, local, r.State)
		if err != nil || r.Negotiated.Video[0].RemoteHold != c.held {
			t.Errorf("%+v: %v\n%s", c, err, summary(r))
		}
		again, err := Refresh(caps, local, r.State)
		if err != nil || strings.Count(string(again.SDP), "a=sendrecv\r\n") != 2 {
			t.Errorf("%+v: %v\n%s", c, err, again.SDP)
		}
	}
	local.Video = nil
	without, err := Refresh(caps, local, r.State)
	if err != nil || !strings.Contains(string(without.SDP), "m=video 0 ") {
		t.Errorf("an end that is no more: %v\n%s", err, without.SDP)
	}
}

// TestVideoProfiles gives a line of ours the profile of the session.
func TestVideoProfiles(t *testing.T) {
	key := "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMy\r\n"
	for _, c := range []struct {
		policy SRTPPolicy
		offer  string
		want   string
	}{
		{SRTPOptional, "m=audio 30000 RTP/AVPF 0\r\n", "m=video 16386 RTP/AVPF "},
		{SRTPOptional, "m=audio 30000 RTP/SAVPF 0\r\n" + key, "m=video 16386 RTP/SAVPF "},
		{SRTPRequired, "m=audio 30000 RTP/SAVP 0\r\n" + key + "m=video 30002 RTP/AVP 96\r\n", "m=video 16386 RTP/SAVP "},
		{SRTPOptional, "m=audio 30000 RTP/AVP 0\r\nm=video 30002 UDP/TLS/RTP/SAVPF 96\r\n", "m=video 16386 RTP/AVP "},
		{SRTPOff, "m=audio 30000 RTP/AVP 0\r\nm=video 30002 RTP/SAVP 96\r\n", "m=video 16386 RTP/AVP "},
		{SRTPOptional, "m=audio 30000 RTP/AVP 0\r\nm=video 30002 RTP/SAVP 96\r\n", "m=video 16386 RTP/SAVP "},
	} {
		caps, local := videoCapabilities(1), withVideo(testLocal("@group"), 1)
		caps.SRTP = c.policy
		r, err := Negotiate([]byte(start+c.offer), caps, local, nil)
		if err != nil {
			t.Fatal(err)
		}
		o, err := OfferVideo(caps, local, r.State)
		if err != nil || !strings.Contains(string(o.SDP), c.want) || strings.Contains(c.want, "SAVP") != strings.Contains(string(o.SDP[strings.Index(string(o.SDP), "m=video"):]), "a=crypto:1 AEAD") {
			t.Errorf("%q: %v\n%s", c.offer, err, o.SDP)
		}
		if c.policy != SRTPOptional || strings.Contains(c.offer, "video") || strings.Contains(c.offer, "SAVPF") {
			continue
		}
		group, err := OfferGroup(caps, local, r.State)
		if err != nil {
			t.Fatal(err)
		}
		d, _ := parse(group.SDP)
		answer := start + fmt.Sprintf("m=audio %d RTP/AVP %s\r\nc=%s\r\na=recvonly\r\n", d.media[0].port, strings.Join(d.media[0].formats, " "), d.media[0].conn.text)
		if r, err = Accept(group, []byte(answer), caps, local); err != nil {
			t.Fatal(err)
		}
		if o, err = OfferVideo(caps, local, r.State); err != nil || !strings.Contains(string(o.SDP), c.want) {
			t.Errorf("beside the group: %v\n%s", err, o.SDP)
		}
	}
}

// TestNoLinePastTheLimit offers no line that a description has no room for.
func TestNoLinePastTheLimit(t *testing.T) {
	for n, lines := range map[int]int{MaxMedia - 2: 1, MaxMedia - 1: 0} {
		caps, local := videoCapabilities(1), withVideo(testLocal(""), 1)
		r, err := Negotiate([]byte(audioLine+strings.Repeat("m=application 9 udp x\r\n", n)), caps, local, nil)
		if err != nil {
			t.Fatal(err)
		}
		o, err := OfferVideo(caps, local, r.State)
		if err != nil || strings.Count(string(o.SDP), "m=video") != lines {
			t.Errorf("beside %d lines: %v\n%s", n, err, o.SDP)
		}
	}
}
