package camera

import "strconv"

// Codec is a coding as the offer names it, and how ffmpeg makes it.
type Codec struct {
	Name    string // of the rtpmap
	Fmtp    string // format parameters, "" for none
	Encoder string // of ffmpeg
	options []string
}

// The codecs. AV1 is not among them: ffmpeg has no packetizer for it before version 6.
var (
	VP8 = Codec{Name: "VP8", Encoder: "libvpx",
		options: []string{"-deadline", "realtime", "-cpu-used", "8", "-auto-alt-ref", "0", "-lag-in-frames", "0"}}
	VP9 = Codec{Name: "VP9", Fmtp: "profile-id=0", Encoder: "libvpx-vp9",
		options: []string{"-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0", "-strict", "experimental"}}
	H264 = Codec{Name: "H264", Fmtp: "profile-level-id=42e01f;packetization-mode=1", Encoder: "libx264",
		options: []string{"-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", "baseline", "-sc_threshold", "0"}}
	H265 = Codec{Name: "H265", Encoder: "libx265",
		options: []string{"-preset", "ultrafast", "-tune", "zerolatency", "-x265-params", "log-level=none:scenecut=0:repeat-headers=1"}}
)

const (
	payloadType = 96
	rtxType     = 97
)

// KeyInterval is after how many pictures one is a key frame where none can be asked for.
const KeyInterval = Rate

// encoding is what ffmpeg is to do; interval is how many pictures apart key frames are.
func (c Codec) encoding(interval int) []string {
	args := append([]string{"-c:v", c.Encoder, "-threads", "1", "-g", strconv.Itoa(interval),
		"-b:v", "300k", "-maxrate", "400k", "-bufsize", "100k"}, c.options...)
	return append(args, "-payload_type", strconv.Itoa(payloadType), "-f", "rtp")
}
