package offeranswer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/confd/confd/media"
)

// TestVideoLimits takes limits of an m=video line at their edge and one past it.
func TestVideoLimits(t *testing.T) {
	line := "m=video 30002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"
	for _, c := range []struct {
		name  string
		offer func(n int) string
		limit int
	}{
		{"m= lines", func(n int) string {
			return audioLine + strings.Repeat(line, n-1)
		}, MaxMedia},
		{"rtcp-fb lines", func(n int) string {
			return audioLine + line + strings.Repeat("a=rtcp-fb:* nack\r\n", n-1)
		}, MaxAttributes},
		{"payload types", func(n int) string {
			return audioLine + "m=video 30002 RTP/AVP 96" + strings.Repeat(" 97", n-1) + "\r\na=rtpmap:96 VP8/90000\r\n"
		}, MaxFormats},
	} {
		caps, local := videoCapabilities(2, vp8), withVideo(testLocal(""), 2)
		offer := []byte(c.offer(c.limit))
		if r, err := Negotiate(offer, caps, local, nil); err != nil {
			t.Errorf("%s, %d: %v", c.name, c.limit, err)
		} else {
			checkResult(t, offer, r, caps, local)
			if !r.Negotiated.Video[0].Accepted {
				t.Errorf("%s: %v", c.name, r.Negotiated.Video[0].Refused)
			}
		}
		if _, err := Negotiate([]byte(c.offer(c.limit+1)), caps, local, nil); code(err) != Malformed {
			t.Errorf("%s, %d: %v", c.name, c.limit+1, err)
		}
	}
}

// TestAllNumbersTaken has a phone that leaves no number for a format of ours.
func TestAllNumbersTaken(t *testing.T) {
	for free, accepted := range map[int]bool{0: false, 1: true} {
		var numbers, maps strings.Builder
		for n := 96 + free; n < 128; n++ {
			fmt.Fprintf(&numbers, " %d", n)
			fmt.Fprintf(&maps, "a=rtpmap:%d x%d/90000\r\n", n, n)
		}
		caps, local := videoCapabilities(1), withVideo(testLocal(""), 1)
		r, err := Negotiate([]byte(audioLine+"m=video 30002 RTP/AVP"+numbers.String()+"\r\n"+maps.String()), caps, local, nil)
		if err != nil || r.Negotiated.Video[0].Accepted {
			t.Fatalf("%v\n%s", err, summary(r))
		}
		o, err := OfferVideo(caps, local, r.State)
		if err != nil || strings.Contains(string(o.SDP), "m=video 16386 RTP/AVP 96\r\n") != accepted {
			t.Errorf("%d numbers are free: %v\n%s", free, err, o.SDP)
		}
	}
}

// TestVideoFormatsAreBounded looks at so many of a room's formats and no more.
func TestVideoFormatsAreBounded(t *testing.T) {
	for n := maxVideoFormats - 1; n <= maxVideoFormats; n++ {
		var formats []media.VideoFormat
		for i := range n {
			formats = append(formats, media.VideoFormat{Codec: media.H265, Profile: uint16(2 + i)})
		}
		caps, local := videoCapabilities(1, append(formats, vp8)...), withVideo(testLocal(""), 1)
		r, err := Negotiate([]byte(audioLine+"m=video 30002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"), caps, local, nil)
		if err != nil || r.Negotiated.Video[0].Accepted != (n < maxVideoFormats) {
			t.Errorf("as number %d: %v %s", n+1, err, summary(r))
		}
	}
}

// TestVideoWithoutLines says that there is none, and not that there are too many.
func TestVideoWithoutLines(t *testing.T) {
	line := "m=video 30002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"
	for _, c := range []struct {
		lines, ends int
		formats     []media.VideoFormat
		want        string
	}{
		{0, 1, nil, "there is no video here"}, {-1, 1, nil, "there is no video here"}, {1, 0, nil, "there is no video here"},
		{1, 1, []media.VideoFormat{}, "there is no video here"}, {1, 2, nil, "video on more than 1 lines is not taken"}, {2, 1, nil, "video on more than 1 lines is not taken"},
	} {
		caps, local := videoCapabilities(c.lines, c.formats...), withVideo(testLocal(""), c.ends)
		if c.formats != nil {
			caps.Video.Formats = nil
		}
		r, err := Negotiate([]byte(audioLine+line+line), caps, local, nil)
		if err != nil {
			t.Fatal(err)
		}
		if v := r.Negotiated.Video[1]; v.Refused == nil || v.Refused.Problem != c.want || len(v.Can) != 1 {
			t.Errorf("%+v: %v", c, v.Refused)
		}
	}
}

func TestLocalVideoMistakes(t *testing.T) {
	for name, spoil := range map[string]func(*VideoLocal){
		"no port":      func(l *VideoLocal) { l.RTPPort = 0 },
		"last port":    func(l *VideoLocal) { l.RTPPort = 65535 },
		"wild port":    func(l *VideoLocal) { l.RTCPPort = 65536 },
		"no token":     func(l *VideoLocal) { l.Content = "main slides" },
		"no name":      func(l *VideoLocal) { l.CNAME = "a b" },
		"end of lines": func(l *VideoLocal) { l.Content = "main\r\na=x" },
	} {
		local := withVideo(testLocal(""), 2)
		spoil(&local.Video[1])
		if _, err := Offer(videoCapabilities(1), local, nil); code(err) != Internal {
			t.Errorf("%s: offered, %v", name, err)
		}
		if _, err := Negotiate([]byte(audioLine), videoCapabilities(1), local, nil); code(err) != Internal {
			t.Errorf("%s: answered, %v", name, err)
		}
	}
	local := withVideo(testLocal(""), 1)
	local.Keys = func(s Suite) []byte { return nil }
	offer := audioLine + "m=video 30002 RTP/SAVP 96\r\na=rtpmap:96 VP8/90000\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMy\r\n"
	if _, err := Negotiate([]byte(offer), videoCapabilities(1), local, nil); code(err) != Internal {
		t.Errorf("no key: %v", err)
	}
}

func TestVideoRTCPPortOfItsOwn(t *testing.T) {
	local := withVideo(testLocal(""), 1)
	local.Video[0].RTCPPort = 20002
	for mux, told := range map[string]bool{"": true, "a=rtcp-mux\r\n": false} {
		r, err := Negotiate([]byte(audioLine+"m=video 30002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"+mux), videoCapabilities(1), local, nil)
		if err != nil || strings.Contains(string(r.SDP), "a=rtcp:20002\r\n") != told {
			t.Errorf("%q: %v\n%s", mux, err, r.SDP)
		}
	}
}

// TestSizes states how long our descriptions get: what has to go into one datagram beside some
// 600 bytes of SIP.
func TestSizes(t *testing.T) {
	for _, c := range []struct {
		name        string
		formats     []media.VideoFormat
		lines, most int
		policy      SRTPPolicy
	}{
		{"audio alone", nil, 0, 650, SRTPOff},
		{"one line, VP8", []media.VideoFormat{vp8}, 1, 840, SRTPOff},
		{"one line, H.264 and VP8", DefaultVideoCapabilities().Formats, 1, 950, SRTPOff},
		{"one line, every format, encrypted", nil, 1, 1670, SRTPRequired},
		{"main and slides, H.264 and VP8", DefaultVideoCapabilities().Formats, 2, 1270, SRTPOff},
		{"main and slides, every format, encrypted", nil, 2, 2450, SRTPRequired},
	} {
		caps, local := videoCapabilities(c.lines, c.formats...), withVideo(testLocal("@6"), c.lines)
		caps.SRTP, caps.Video.Bitrate = c.policy, 1_200_000
		for i := range local.Video {
			local.Video[i].Content = []string{"main", "slides"}[i]
		}
		o, err := Offer(caps, local, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes", c.name, len(o.SDP))
		if n := len(o.SDP); n > c.most || n < c.most*9/10 {
			t.Errorf("%s: an offer of %d bytes, want a little less than %d", c.name, n, c.most)
		}
	}
	longest := 0
	for name, offers := range corpus(t) {
		if !hasVideo(name) {
			continue
		}
		r, err := Negotiate(offers[0], testCapabilities(name), testLocal(name), nil)
		if err == nil && len(r.SDP) > longest {
			longest = len(r.SDP)
			t.Logf("%s: %d bytes", name, longest)
		}
	}
	if longest > 1400 {
		t.Errorf("an answer has %d bytes", longest)
	}
}
