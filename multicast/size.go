package multicast

import (
	"time"

	"github.com/confd/confd/media"
)

// MaxPacket is the most bytes that a datagram of a group holds, IP and UDP headers not
// counted.
const MaxPacket = 1400

// Bytes of what stands around a payload.
const (
	rtpHeader    = 12         // RFC 3550 section 5.1
	perSource    = 4          // CSRC
	allSources   = 15         // the most that a packet names
	levelsHeader = 4          // RFC 8285 section 4.2
	perBlock     = 4          // RFC 2198 section 3: header of a redundant block
	lastBlock    = 1          // and of the primary one
	protection   = 10 + 4     // tag of AES_CM_128_HMAC_SHA1_80, and MKI
	ip4, ip6     = 20 + 8, 48 // with UDP's
)

// largest returns the size of a full packet, bytes: 15 contributors with their levels, and
// so many generations of redundancy.
func largest(f media.Format, redundancy int, srtp bool) int {
	return size(f, redundancy, srtp, allSources)
}

// size returns that of a packet that names so many contributors.
func size(f media.Format, redundancy int, srtp bool, sources int) int {
	n := rtpHeader + sources*perSource + levelsHeader + (1+sources+3)/4*4
	n += (1 + redundancy) * payload(f)
	if redundancy > 0 {
		n += redundancy*perBlock + lastBlock
	}
	if srtp {
		n += protection
	}
	return n
}

// payload returns how many bytes a packet time makes; for Opus, as many as its bitrate says.
func payload(f media.Format) int {
	bits := f.Opus.Bitrate
	switch f.Codec {
	case media.PCMU:
		bits = 8 * f.SampleRate
	case media.L16:
		bits = 16 * f.SampleRate * f.Channels
	}
	return int((int64(bits)*int64(f.PacketTime)/int64(time.Second) + 7) / 8)
}

// bandwidth returns the bits per second of a stream while one contributor speaks, IP and UDP
// headers included (RFC 3550 section 6.2). What listeners' reports may use is a share of it, so
// it is rather too little than too much.
func bandwidth(f media.Format, s Spec) int {
	n := size(f, s.Redundancy, s.SRTP, 1)
	if s.Family == 6 {
		n += ip6
	} else {
		n += ip4
	}
	return int(int64(8*n) * int64(time.Second) / int64(f.PacketTime))
}
