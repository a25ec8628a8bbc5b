package media

import (
	"fmt"
	"strconv"
	"strings"
)

// VideoRate is the RTP clock of video: units per second, for all codecs.
const VideoRate = 90_000

// VideoCodec names a video coding. The zero value is none.
type VideoCodec uint8

// The video codings that confd forwards.
const (
	NoVideoCodec VideoCodec = iota
	VP8                     // RFC 7741
	VP9                     // RFC 9628
	H264                    // RFC 6184
	H265                    // RFC 7798
	AV1                     // AOMedia, RTP payload format for AV1
)

var videoCodecs = [...]string{NoVideoCodec: "none", VP8: "vp8", VP9: "vp9", H264: "h264", H265: "h265", AV1: "av1"}

// String returns the name that config and API use; SDP's differs only in case.
func (c VideoCodec) String() string {
	if int(c) < len(videoCodecs) {
		return videoCodecs[c]
	}
	return fmt.Sprintf("video codec %d", uint8(c))
}

// ParseVideoCodec is the inverse of String; case does not matter.
func ParseVideoCodec(name string) (VideoCodec, error) {
	for c := VP8; c <= AV1; c++ {
		if strings.EqualFold(name, videoCodecs[c]) {
			return c, nil
		}
	}
	return NoVideoCodec, fmt.Errorf("video codec %q is not known: want vp8, vp9, h264, h265 or av1", name)
}

// Profiles of H.264, in the order of what they ask of a decoder.
const (
	H264ConstrainedBaseline uint16 = iota + 1
	H264Baseline
	H264Main
	H264ConstrainedHigh
	H264High
)

var h264Profiles = [...]string{
	H264ConstrainedBaseline: "constrained-baseline", H264Baseline: "baseline", H264Main: "main",
	H264ConstrainedHigh: "constrained-high", H264High: "high",
}

// H264Profile reads the first two bytes of a profile-level-id: profile_idc and the
// constraint flags, of which several combinations mean the same (RFC 6184 section 8.1, table
// 5; for the constrained high profile H.264 annex A). False: a profile that is not forwarded.
func H264Profile(profileIDC, constraints uint8) (uint16, bool) {
	const set0, set1, set2, set45, reserved = 0x80, 0x40, 0x20, 0x0c, 0x0f
	plain := constraints&reserved == 0
	switch profileIDC {
	case 0x42:
		if constraints&set1 != 0 {
			return H264ConstrainedBaseline, plain
		}
		return H264Baseline, plain
	case 0x4d:
		if constraints&set0 != 0 {
			return H264ConstrainedBaseline, plain
		}
		return H264Main, plain && constraints&set2 == 0
	case 0x58: // extended, of which only what is baseline as well
		if constraints&set1 != 0 {
			return H264ConstrainedBaseline, plain && constraints&set0 != 0
		}
		return H264Baseline, plain && constraints&set0 != 0
	case 0x64:
		if constraints == set45 {
			return H264ConstrainedHigh, true
		}
		return H264High, constraints == 0
	}
	return 0, false
}

// H265HighTier is what a profile of H.265 has added in the high tier (RFC 7798 section 7.1).
const H265HighTier = 1 << 8

// VideoFormat is a codec with all that has to be equal for a stream to be forwarded
// unchanged. It is comparable; the zero value is none.
type VideoFormat struct {
	Codec VideoCodec
	// Profile is VP9's profile-id (0 to 3), AV1's profile (0 to 2), one of the H264
	// constants, or H.265's profile-id (0 to 31), with H265HighTier for that. VP8 has none: 0.
	Profile uint16
	// PacketizationMode is H.264's, 0 or 1 (RFC 6184 section 6.2); 0 for others.
	PacketizationMode uint8
}

// String returns a name like "vp8", "vp9/0", "av1/0", "h264/constrained-baseline/mode1",
// "h265/1" or "h265/1/high-tier".
func (f VideoFormat) String() string {
	switch f.Codec {
	case VP9, AV1:
		return fmt.Sprintf("%v/%d", f.Codec, f.Profile)
	case H264:
		return fmt.Sprintf("h264/%s/mode%d", h264Name(f.Profile), f.PacketizationMode)
	case H265:
		if f.Profile&H265HighTier != 0 {
			return fmt.Sprintf("h265/%d/high-tier", f.Profile&^H265HighTier)
		}
		return fmt.Sprintf("h265/%d", f.Profile)
	}
	return f.Codec.String()
}

func h264Name(profile uint16) string {
	if profile > 0 && int(profile) < len(h264Profiles) {
		return h264Profiles[profile]
	}
	return fmt.Sprintf("profile-%d", profile)
}

// ParseVideoFormat is the inverse of String; case does not matter. A codec alone is no
// format, unless it is VP8.
func ParseVideoFormat(name string) (VideoFormat, error) {
	parts := strings.Split(strings.ToLower(name), "/")
	c, err := ParseVideoCodec(parts[0])
	if err != nil {
		return VideoFormat{}, err
	}
	f := VideoFormat{Codec: c}
	if !f.parse(parts[1:]) {
		return VideoFormat{}, fmt.Errorf("video format %q is not known: want %s", name, videoForms[c])
	}
	return f, nil
}

var videoForms = [...]string{
	VP8: "vp8", VP9: "vp9/PROFILE with a profile of 0 to 3", AV1: "av1/PROFILE with a profile of 0 to 2",
	H264: "h264/PROFILE/mode0 or /mode1 with constrained-baseline, baseline, main, constrained-high or high",
	H265: "h265/PROFILE or h265/PROFILE/high-tier with a profile of 0 to 31",
}

// parse reads what follows the codec.
func (f *VideoFormat) parse(parts []string) bool {
	switch f.Codec {
	case VP9:
		return len(parts) == 1 && f.parseProfile(parts[0], 3)
	case AV1:
		return len(parts) == 1 && f.parseProfile(parts[0], 2)
	case H264:
		return len(parts) == 2 && f.parseH264(parts[0], parts[1])
	case H265:
		if len(parts) == 2 && parts[1] == "high-tier" && f.parseProfile(parts[0], 31) {
			f.Profile |= H265HighTier
			return true
		}
		return len(parts) == 1 && f.parseProfile(parts[0], 31)
	}
	return len(parts) == 0
}

func (f *VideoFormat) parseProfile(s string, most int) bool {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > most || strconv.Itoa(n) != s {
		return false
	}
	f.Profile = uint16(n)
	return true
}

func (f *VideoFormat) parseH264(profile, mode string) bool {
	for p, name := range h264Profiles {
		if p > 0 && name == profile {
			f.Profile = uint16(p)
		}
	}
	if mode == "mode1" {
		f.PacketizationMode = 1
	}
	return f.Profile != 0 && (mode == "mode0" || mode == "mode1")
}
