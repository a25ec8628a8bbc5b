package offeranswer

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/confd/confd/media"
)

// Levels that are inferred where none is written.
const (
	defaultLevelH264 = 10 // RFC 6184 section 8.1
	defaultLevelH265 = 93 // RFC 7798 section 7.1: level 3.1
	defaultLevelAV1  = 5  // level 3.1
	ownLevelH264     = 31 // what we offer where nothing limits us: 1280x720, 30 times a second
)

// formatText is how a format was written, so that we write it alike.
type formatText struct {
	profile uint16 // H.264: the first two bytes of profile-level-id
	told    bool   // profile and level were written; else they are the defaults
	free    bool   // the level of one direction says nothing about the other
	clipped bool   // the level is not the peer's, which answered with the limit that it was told
	kept    string // parameters that both directions have in common
}

// videoOptions returns the format that a payload type stands for, and for a Baseline of H.264
// its constrained subset before it. It is nil for what we cannot forward.
func (p payload) videoOptions() []VideoOption {
	if p.clock != media.VideoRate || p.channels != 1 {
		return nil
	}
	o := VideoOption{PayloadType: p.number}
	var ok bool
	switch strings.ToUpper(p.encoding) {
	case "VP8":
		ok = o.readVPx(p, media.VP8, 0)
	case "VP9":
		ok = o.readVPx(p, media.VP9, 3)
	case "H264":
		ok = o.readH264(p)
	case "H265":
		ok = o.readH265(p)
	case "AV1":
		ok = o.readAV1(p)
	}
	switch {
	case !ok:
		return nil
	case o.Format.Codec == media.H264 && o.Format.Profile == media.H264Baseline:
		c := o
		c.Format.Profile = media.H264ConstrainedBaseline
		return []VideoOption{c, o}
	}
	return []VideoOption{o}
}

// value returns a fmtp parameter from 0 to most; absent where it is not there.
func (p payload) value(name string, most, absent int) (n int, told, ok bool) {
	text, told := p.param(name)
	if !told {
		return absent, false, true
	}
	v, err := strconv.ParseUint(text, 10, 31)
	return int(v), true, err == nil && v <= uint64(most)
}

// readVPx reads RFC 7741 section 6.1 and RFC 9628 section 6.
func (o *VideoOption) readVPx(p payload, codec media.VideoCodec, profiles int) bool {
	o.Format.Codec = codec
	o.FrameSize, o.FrameRate = p.count("max-fs"), p.count("max-fr")
	if profiles == 0 {
		return true
	}
	profile, told, ok := p.value("profile-id", profiles, 0)
	o.Format.Profile, o.wire.told = uint16(profile), told
	return ok
}

// readH265 reads RFC 7798 section 7.1. Several RTP streams, and packets out of decoding order,
// are nothing that can be forwarded.
func (o *VideoOption) readH265(p payload) bool {
	space, _, ok1 := p.value("profile-space", 3, 0)
	profile, _, ok2 := p.value("profile-id", 31, 1)
	tier, _, ok3 := p.value("tier-flag", 1, 0)
	level, told, ok4 := p.value("level-id", 255, defaultLevelH265)
	highest, _, ok5 := p.value("max-recv-level-id", 255, 0)
	disorder, _, ok6 := p.value("sprop-max-don-diff", 32767, 0)
	if mode, said := p.param("tx-mode"); said && !strings.EqualFold(mode, "SRST") {
		return false
	}
	o.Format = media.VideoFormat{Codec: media.H265, Profile: uint16(profile) | uint16(tier)*media.H265HighTier}
	o.Level = uint8(max(level, highest))
	o.wire = formatText{told: told, kept: p.hexParam("profile-compatibility-indicator", 8) + p.hexParam("interop-constraints", 12)}
	o.FrameSize, o.Macroblocks = p.count("max-lps")/256, p.count("max-lsps")/256
	o.FrameRate, o.Bitrate = p.count("max-fps")/100, p.kilobits("max-br")
	o.ParameterSets = p.parameterSets("sprop-vps", "sprop-sps", "sprop-pps")
	return ok1 && ok2 && ok3 && ok4 && ok5 && ok6 && space == 0 && disorder == 0
}

// readAV1 reads section 7.2 of the AV1 payload format. Only its profile is common to both
// directions.
func (o *VideoOption) readAV1(p payload) bool {
	profile, _, ok1 := p.value("profile", 2, 0)
	level, told, ok2 := p.value("level-idx", 31, defaultLevelAV1)
	o.Format = media.VideoFormat{Codec: media.AV1, Profile: uint16(profile)}
	o.Level = uint8(level)
	o.wire = formatText{told: told, free: true}
	return ok1 && ok2
}

// hexParam returns a parameter of so many hexadecimal digits as it is written, "" if it is none.
func (p payload) hexParam(name string, digits int) string {
	text, _ := p.param(name)
	if _, err := strconv.ParseUint(text, 16, 64); err != nil || len(text) != digits {
		return ""
	}
	return ";" + name + "=" + strings.ToLower(text)
}

// kilobits returns a rate that is written in units of 1000 bits per second.
func (p payload) kilobits(name string) int {
	return min(p.count(name), 1<<31/1000) * 1000
}

// parameterSets returns NAL units in base64, divided by commas. If one is broken, there are none.
func (p payload) parameterSets(names ...string) [][]byte {
	var sets [][]byte
	for _, name := range names {
		text, _ := p.param(name)
		for set := range strings.SplitSeq(text, ",") {
			raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(set), "="))
			if err != nil {
				return nil
			}
			if len(raw) > 0 {
				sets = append(sets, raw)
			}
		}
	}
	return sets
}

// ownOption is a format as we offer it to who has not named it.
func ownOption(f media.VideoFormat) VideoOption {
	o := VideoOption{Format: f, wire: formatText{told: true, free: true}}
	switch f.Codec {
	case media.H264:
		o.Level, o.wire.profile = ownLevelH264, h264Text(f.Profile)
	case media.H265:
		o.Level, o.wire.told = defaultLevelH265, false
	case media.AV1:
		o.Level, o.wire.told = defaultLevelAV1, false
	case media.VP8, media.VP9:
		o.wire.told = false
	}
	return o
}

// write returns the fmtp text of our side and the level that it says: the room's limit where
// there is one and the peer lets it differ from its own.
func (o *VideoOption) write(limit media.VideoLimit) (params string, level uint8) {
	level = o.Level
	switch {
	case limit.Level == 0:
	case o.wire.free, lowerLevel(o.Format, limit.Level, level):
		level = limit.Level
	}
	switch f := o.Format; f.Codec {
	case media.H264:
		return o.writeH264(level), level
	case media.H265:
		params = fmt.Sprintf("profile-id=%d", f.Profile&^media.H265HighTier)
		if f.Profile&media.H265HighTier != 0 {
			params += ";tier-flag=1"
		}
		if o.wire.told || level != defaultLevelH265 {
			params += fmt.Sprintf(";level-id=%d", level)
		}
		return params + o.wire.kept, level
	case media.AV1:
		if f.Profile != 0 || o.wire.told {
			params = fmt.Sprintf(";profile=%d", f.Profile)
		}
		if o.wire.told || level != defaultLevelAV1 {
			params += fmt.Sprintf(";level-idx=%d", level)
		}
		return strings.TrimPrefix(params, ";"), level
	case media.VP9:
		if f.Profile != 0 || o.wire.told {
			params = fmt.Sprintf("profile-id=%d", f.Profile)
		}
	}
	return strings.TrimPrefix(params+vpx(limit), ";"), 0
}

// vpx is what VP8 and VP9 have in place of levels.
func vpx(l media.VideoLimit) string {
	switch {
	case l.FrameSize == 0:
		return ""
	case l.FrameRate == 0:
		return fmt.Sprintf(";max-fs=%d", l.FrameSize)
	}
	return fmt.Sprintf(";max-fr=%d;max-fs=%d", l.FrameRate, l.FrameSize)
}

// videoOptions lists what a peer can, each format once. A subset stands in only where its
// format is not named itself.
func videoOptions(list []payload) []VideoOption {
	var can, subsets []VideoOption
	for _, p := range list {
		own := p.videoOptions()
		if own == nil || optionOf(can, own[len(own)-1].Format) != nil {
			continue
		}
		can = append(can, own[len(own)-1])
		subsets = append(subsets, own[:len(own)-1]...)
	}
	for _, o := range subsets {
		if optionOf(can, o.Format) == nil {
			i := slices.IndexFunc(can, func(c VideoOption) bool { return c.PayloadType == o.PayloadType })
			can = slices.Insert(can, i, o)
		}
	}
	return can
}

// optionOf finds a format; nil if it is not there.
func optionOf(can []VideoOption, f media.VideoFormat) *VideoOption {
	for i := range can {
		if can[i].Format == f {
			return &can[i]
		}
	}
	return nil
}

// formats are those that may be agreed on now.
func (c *VideoCapabilities) formats() []media.VideoFormat {
	n := min(len(c.Formats), maxVideoFormats)
	if c.Settled {
		n = min(n, 1)
	}
	return c.Formats[:n]
}
