package offeranswer

import (
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/confd/confd/media"
)

// The bits of the middle byte of profile-level-id, profile-iop (RFC 6184 section 8.1).
const (
	constraint0 = 0x80
	constraint3 = 0x10
	constraint4 = 0x08
	constraint5 = 0x04
)

// Level 1b is level_idc 11 with constraint 3 where that bit is free, and 9 elsewhere.
const level1b = 9

// readH264 reads RFC 6184 section 8.1. Interleaved packets (mode 2) are nothing that can be
// forwarded.
func (o *VideoOption) readH264(p payload) bool {
	mode, _, ok := p.value("packetization-mode", 1, 0)
	id := []byte{0x42, 0, defaultLevelH264}
	text, told := p.param("profile-level-id")
	if told {
		var err error
		if id, err = hex.DecodeString(text); err != nil || len(id) != 3 {
			return false
		}
	}
	profile, known := media.H264Profile(id[0], id[1])
	o.Format = media.VideoFormat{Codec: media.H264, Profile: profile, PacketizationMode: uint8(mode)}
	o.wire = formatText{profile: uint16(id[0])<<8 | uint16(id[1]), told: told, free: p.flag("level-asymmetry-allowed")}
	o.Level = h264Level(id[0], id[1], id[2])
	if text, _ := p.param("max-recv-level"); len(text) == 4 {
		if n, err := strconv.ParseUint(text, 16, 16); err == nil {
			if most := h264Level(id[0], byte(n>>8), byte(n)); lowerLevel(o.Format, o.Level, most) {
				o.Level = most
			}
		}
	}
	o.FrameSize, o.Macroblocks, o.Bitrate = p.count("max-fs"), p.count("max-mbps"), p.kilobits("max-br")
	o.ParameterSets = p.parameterSets("sprop-parameter-sets")
	return ok && known
}

// h264Text is how we write a profile.
func h264Text(profile uint16) uint16 {
	switch profile {
	case media.H264Baseline:
		return 0x4200 | constraint0
	case media.H264Main:
		return 0x4d00
	case media.H264High:
		return 0x6400
	case media.H264ConstrainedHigh:
		return 0x6400 | constraint4 | constraint5
	}
	return 0x42e0
}

// marks1b tells whether constraint 3 says nothing but that a level is 1b.
func marks1b(idc byte) bool { return idc == 0x42 || idc == 0x4d || idc == 0x58 }

func h264Level(idc, iop, level byte) uint8 {
	if level == 11 && iop&constraint3 != 0 && marks1b(idc) {
		return level1b
	}
	return level
}

// lowerLevel tells whether level a is under level b.
func lowerLevel(f media.VideoFormat, a, b uint8) bool {
	rank := func(level uint8) int {
		if f.Codec == media.H264 && level == level1b {
			return 2*10 + 1 // between 1 and 1.1
		}
		return 2 * int(level)
	}
	return rank(a) < rank(b)
}

func (o *VideoOption) writeH264(level uint8) string {
	var s string
	if o.wire.told {
		idc, iop := byte(o.wire.profile>>8), byte(o.wire.profile)
		if marks1b(idc) {
			if iop &^= constraint3; level == level1b {
				iop, level = iop|constraint3, 11
			}
		}
		s = fmt.Sprintf(";profile-level-id=%02x%02x%02x", idc, iop, level)
	}
	if o.Format.PacketizationMode != 0 {
		s += fmt.Sprintf(";packetization-mode=%d", o.Format.PacketizationMode)
	}
	if o.wire.told && o.wire.free {
		s += ";level-asymmetry-allowed=1"
	}
	if s == "" {
		return ""
	}
	return s[1:]
}
