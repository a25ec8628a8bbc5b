package offeranswer

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/confd/confd/media"
)

func h264(profile uint16, mode uint8) media.VideoFormat {
	return media.VideoFormat{Codec: media.H264, Profile: profile, PacketizationMode: mode}
}

// testVideo is a room that takes everything.
func testVideo(lines int) *VideoCapabilities {
	v := DefaultVideoCapabilities()
	v.Lines = lines
	v.Formats = []media.VideoFormat{
		h264(media.H264ConstrainedBaseline, 1), h264(media.H264High, 1), {Codec: media.VP8},
		h264(media.H264ConstrainedBaseline, 0), {Codec: media.VP9}, {Codec: media.AV1}, {Codec: media.H265, Profile: 1},
	}
	return &v
}

// videoCapabilities are ours in a room with so many lines of video.
func videoCapabilities(lines int, formats ...media.VideoFormat) Capabilities {
	c := DefaultCapabilities()
	c.Video = testVideo(lines)
	if formats != nil {
		c.Video.Formats = formats
	}
	return c
}

func hasVideo(name string) bool {
	return strings.Contains(name, "@video") || strings.Contains(name, "@vp8")
}

// withVideo adds ends for video.
func withVideo(l Local, ends int) Local {
	l.Video = nil
	for i := range ends {
		l.Video = append(l.Video, VideoLocal{RTPPort: l.RTPPort + 2 + 2*i})
	}
	return l
}

// summarise writes what the media plane is told of a line.
func (v *Video) summarise(b *strings.Builder) {
	fmt.Fprintf(b, "\nvideo %d content=%q label=%q mid=%q\n", v.Media, v.Content, v.Label, v.MID)
	for _, o := range v.Can {
		fmt.Fprintf(b, "can %d %s level %d", o.PayloadType, o.Format, o.Level)
		fmt.Fprintf(b, " size %d rate %d macroblocks %d bitrate %d sets %x\n", o.FrameSize, o.FrameRate, o.Macroblocks, o.Bitrate, o.ParameterSets)
	}
	switch {
	case v.Refused != nil:
		fmt.Fprintf(b, "%s, warning %d: %s\n", v.Refused.Code, v.Refused.Warning, v.Refused)
		return
	case !v.Accepted:
		b.WriteString("disabled by the peer\n")
		return
	}
	fmt.Fprintf(b, "end %d %s %s hold=%v several=%v\n", v.Local, v.Profile, v.Direction, v.RemoteHold, v.Several)
	fmt.Fprintf(b, "send %d %s, rtx %d for %d ms, receive %v at level %d\n", v.SendPT, v.Format, v.SendRTX, v.RTXTime, v.Receive, v.Level)
	fmt.Fprintf(b, "feedback %v reduced=%v transport-cc %d marking %d mid %d rid %d repaired %d rids %v\n", v.Feedback.lines(), v.ReducedSize, v.TransportCCID, v.FrameMarkingID, v.MIDID, v.RIDID, v.RepairedRIDID, v.RIDs)
	fmt.Fprintf(b, "sources %v bandwidth %d", v.SSRCs, v.Bandwidth)
	if v.Image != nil {
		fmt.Fprintf(b, " image %s, largest %dx%d", v.Image, v.Image.Width, v.Image.Height)
	}
	fmt.Fprintf(b, "\nto %v and %v mux=%v\n", v.RemoteRTP, v.RemoteRTCP, v.RTCPMux)
	if v.SRTP != nil {
		fmt.Fprintf(b, "srtp %s local %x.%x remote %x.%x\n", v.SRTP, v.SRTP.LocalKey, v.SRTP.LocalSalt, v.SRTP.RemoteKey, v.SRTP.RemoteSalt)
	}
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
