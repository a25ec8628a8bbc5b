package listen

import (
	"errors"
	"strings"
	"testing"

	"github.com/confd/confd/media"
)

const videoSDP = "v=0\r\no=- 7 3 IN IP4 127.0.0.1\r\ns=Talk\r\nc=IN IP4 239.255.8.1/1\r\nt=0 0\r\na=rtcp-unicast:rsi\r\nm=audio 5004 RTP/AVP 0\r\n" +
	"m=video 5006 RTP/AVP 102 105\r\nb=AS:1000\r\na=rtpmap:102 H264/90000\r\na=fmtp:102 profile-level-id=42e01f;packetization-mode=1\r\n" +
	"a=rtpmap:105 rtx/90000\r\na=fmtp:105 apt=102\r\na=rtcp:5007 IN IP4 127.0.0.1\r\na=multicast-rtcp:5007\r\na=portmapping-req\r\n" +
	"a=rtcp-fb:* nack\r\na=rtcp-rsize\r\na=rtcp-fb:102 nack pli\r\na=recvonly\r\n"

func TestParseVideo(t *testing.T) {
	s, err := ParseVideo([]byte(videoSDP))
	if err != nil {
		t.Fatal(err)
	}
	if s.Video != media.H264 || s.PayloadType != 102 || s.Group.Port() != 5006 || s.RTCP.Port() != 5007 || s.Retransmits[105] != 102 || !s.KeyFrames || !s.Asks() || !s.Reduced {
		t.Errorf("%+v", s)
	}
	if s, err = Parse([]byte(videoSDP)); err != nil || s.Video != media.NoVideoCodec || s.Group.Port() != 5004 || s.Asks() {
		t.Errorf("the sound is %+v, %v", s, err)
	}
	if s, err = ParseVideo([]byte(plainSDP)); s != nil || err != nil {
		t.Errorf("of a description of sound: %+v, %v", s, err)
	}
}

func TestParseVideoFormats(t *testing.T) {
	with := func(rtpmap, fmtp string) string {
		return strings.NewReplacer("H264/90000", rtpmap, "profile-level-id=42e01f;packetization-mode=1", fmtp).Replace(videoSDP)
	}
	for _, c := range []struct {
		rtpmap, fmtp string
		want         media.VideoCodec // none: refused
	}{
		{"VP8/90000", "max-fs=3600", media.VP8},
		{"vp9/90000", "profile-id=0", media.VP9},
		{"AV1/90000", "", media.AV1},
		{"H264/90000", "packetization-mode=0", media.H264},
		{"H264/90000", "packetization-mode=2;sprop-interleaving-depth=3", media.NoVideoCodec},
		{"H265/90000", "profile-id=1", media.H265},
		{"H265/90000", "profile-id=1; sprop-max-don-diff=0", media.H265},
		{"H265/90000", "profile-id=1; sprop-max-don-diff=2", media.NoVideoCodec},
		{"H265/90000", "Sprop-Max-Don-Diff=1", media.NoVideoCodec},
		{"VP8/48000", "", media.NoVideoCodec},
		{"H261/90000", "", media.NoVideoCodec},
	} {
		s, err := ParseVideo([]byte(with(c.rtpmap, c.fmtp)))
		var e *Error
		if c.want == media.NoVideoCodec && !errors.As(err, &e) || c.want != media.NoVideoCodec && (err != nil || s.Video != c.want) {
			t.Errorf("%s %s: %+v, %v", c.rtpmap, c.fmtp, s, err)
		}
	}
	for what, text := range map[string]string{
		"no video stream to a multicast group": strings.Replace(videoSDP, "239.255.8.1", "10.0.0.1", 1),
		`"m=video 65535"`:                      strings.Replace(videoSDP, "m=video 5006", "m=video 65535", 1),
	} {
		if _, err := ParseVideo([]byte(text)); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %s", err, what)
		}
	}
}

func FuzzParseVideo(f *testing.F) {
	f.Add([]byte(videoSDP))
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, err := ParseVideo(text); err == nil && s != nil && (!s.Group.Addr().IsMulticast() || s.Video < media.VP8 || s.Video > media.AV1) {
			t.Errorf("%+v", s)
		}
	})
}
