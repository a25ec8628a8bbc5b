package multicast

import (
	"fmt"

	"github.com/confd/confd/media"
)

// videoTypes are the codings that pictures may have, and the payload types that they go under:
// each its own, so that no packet of one format is taken for one of another.
var videoTypes = map[media.VideoCodec]struct {
	name string
	pt   uint8
}{
	media.VP8:  {"VP8", 100},
	media.VP9:  {"VP9", 101},
	media.H264: {"H264", 102},
	media.H265: {"H265", 103},
	media.AV1:  {"AV1", 104},
}

// videoRepairType is that of retransmissions of pictures (RFC 4588).
const videoRepairType = 105

// pictures writes the section of the video. Parameter sets are not in it: they are another's
// with each speaker, and come in the stream before each key frame.
func (d *description) pictures(line func(string, ...any)) {
	t := videoTypes[d.video.Codec]
	profile := "RTP/AVP"
	if d.spec.SRTP {
		profile = "RTP/SAVPF"
	}
	types := fmt.Sprint(t.pt)
	if d.repair {
		types += fmt.Sprintf(" %d", videoRepairType)
	}
	line("m=video %d %s %s", d.place.VideoPort(), profile, types)
	line("b=AS:%d", (d.spec.VideoBitrate/20*21+999)/1000) // 5 % are headers of IP and UDP
	d.rates(line, d.videoRTCP)
	line("a=rtpmap:%d %s/%d", t.pt, t.name, media.VideoRate)
	if params := formatParameters(d.video); params != "" {
		line("a=fmtp:%d %s", t.pt, params)
	}
	if d.repair {
		line("a=rtpmap:%d rtx/%d", videoRepairType, media.VideoRate)
		line("a=fmtp:%d apt=%d", videoRepairType, t.pt)
	}
	d.control(line, d.place.VideoPort()+1)
	line("a=rtcp-fb:%d nack pli", t.pt)
	line("a=rtcp-fb:%d ccm fir", t.pt)
	d.keys(line)
}

// formatParameters says what a decoder must be able to do. The level is one that all phones
// have, 3.1 (1280 by 720 at 30 pictures a second): who sends is bounded by bitrate, not by it.
func formatParameters(f media.VideoFormat) string {
	switch f.Codec {
	case media.VP9:
		return fmt.Sprintf("profile-id=%d", f.Profile)
	case media.AV1:
		return fmt.Sprintf("profile=%d", f.Profile)
	case media.H264:
		return fmt.Sprintf("profile-level-id=%s1f;packetization-mode=%d", h264Profiles[f.Profile], f.PacketizationMode)
	case media.H265:
		tier := 0
		if f.Profile&media.H265HighTier != 0 {
			tier = 1
		}
		return fmt.Sprintf("profile-id=%d;tier-flag=%d;level-id=93", f.Profile&^media.H265HighTier, tier)
	}
	return ""
}

// h264Profiles are the first two bytes of profile-level-id (RFC 6184 section 8.1).
var h264Profiles = map[uint16]string{
	media.H264Baseline: "4200", media.H264ConstrainedBaseline: "42e0", media.H264Main: "4d00",
	media.H264High: "6400", media.H264ConstrainedHigh: "640c",
}
