package offeranswer

import (
	"slices"
	"strings"
	"testing"

	"github.com/confd/confd/media"
)

func h264(profile uint16, mode uint8) media.VideoFormat {
	return media.VideoFormat{Codec: media.H264, Profile: profile, PacketizationMode: mode}
}

// videoCapabilities and videoEnds are a room with video and as many ends for it.
func videoCapabilities(lines int, formats ...media.VideoFormat) Capabilities {
	c := DefaultCapabilities()
	v := DefaultVideoCapabilities()
	v.Lines = lines
	if formats != nil {
		v.Formats = formats
	}
	c.Video = &v
	return c
}

func withVideo(l Local, ends int) Local {
	for i := range ends {
		l.Video = append(l.Video, VideoLocal{RTPPort: l.RTPPort + 2 + 2*i})
	}
	return l
}

const audioLine = start + "m=audio 30000 RTP/AVP 0\r\n"

func TestAnswersVideo(t *testing.T) {
	offer := audioLine + "m=video 30002 RTP/AVP 96 97\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42801f;packetization-mode=1\r\na=rtcp-fb:* nack pli\r\n"
	r, err := Negotiate([]byte(offer), videoCapabilities(1), withVideo(testLocal(""), 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "m=video 16386 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42801f;packetization-mode=1\r\na=rtcp-fb:* nack pli\r\na=sendrecv\r\n"
	if !strings.HasSuffix(string(r.SDP), want) {
		t.Errorf("%s", r.SDP)
	}
	v := r.Negotiated.Video[0]
	var can []media.VideoFormat
	for _, o := range v.Can {
		can = append(can, o.Format)
	}
	if !v.Accepted || v.Format != h264(media.H264ConstrainedBaseline, 1) || v.Level != 31 || v.SendPT != 97 || v.Receive[97] != 97 ||
		!slices.Equal(can, []media.VideoFormat{{Codec: media.VP8}, h264(media.H264ConstrainedBaseline, 1), h264(media.H264Baseline, 1)}) {
		t.Errorf("%+v", v)
	}
}

func TestOffersVideo(t *testing.T) {
	for _, policy := range []SRTPPolicy{SRTPOff, SRTPRequired} {
		caps, local := videoCapabilities(2), withVideo(testLocal(""), 2)
		caps.SRTP = policy
		ours, err := Offer(caps, local, nil)
		if err != nil {
			t.Fatal(err)
		}
		phoneCaps := videoCapabilities(1, media.VideoFormat{Codec: media.VP8})
		peer, err := Negotiate(ours.SDP, phoneCaps, withVideo(phone(), 1), nil)
		if err != nil {
			t.Fatal(err)
		}
		server, err := Accept(ours, peer.SDP, caps, local)
		if err != nil {
			t.Fatal(err)
		}
		v := server.Negotiated.Video
		if len(v) != 2 || !v[0].Accepted || v[0].Format.Codec != media.VP8 || v[1].Accepted || v[1].Refused == nil || (v[0].SRTP != nil) != (policy == SRTPRequired) {
			t.Errorf("%+v", v)
		}
	}
}
