package transport

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"

	"github.com/pion/rtcp"

	"github.com/confd/confd/media"
)

// What every stream of egress writes, a leg's or a group's. All of it allocates nothing if
// the buffer has the capacity, and belongs to whoever owns the stream.

// Heading is the header of one packet (RFC 3550 section 5.1).
type Heading struct {
	Timestamp, SSRC uint32
	Sequence        uint16
	PayloadType     uint8 // 0 to 127
	Marker          bool
}

// Lists says how a header names those who are in a mix.
type Lists struct {
	CSRC bool // list of contributors
	// LevelsID is the RFC 8285 id of their levels (RFC 6465), 1 to 255; 0 = not written. It
	// needs CSRC.
	LevelsID uint8
}

// Fit returns how many of o's contributors there is room for, in bytes, the loudest first,
// and whether that is all who can be listed.
func (l Lists) Fit(o *media.Outgoing, room int) (n int, all bool) {
	if !l.CSRC {
		return 0, true
	}
	most := min(len(o.Contributors), maxCSRC)
	n = most
	for n > 0 && csrcSize*n+levelsSize(l.LevelsID, min(n, len(o.Levels))) > room {
		n--
	}
	return n, n == most
}

// Append writes the header with the first n of o's contributors, as Fit returned it, and
// their levels.
func (l Lists) Append(b []byte, h Heading, o *media.Outgoing, n int) []byte {
	leveled := 0
	if l.LevelsID != 0 {
		leveled = min(n, len(o.Levels))
	}
	first, second := byte(2<<6|n), h.PayloadType&0x7f
	if leveled > 0 {
		first |= 0x10
	}
	if h.Marker {
		second |= 0x80
	}
	b = append(b, first, second)
	b = binary.BigEndian.AppendUint16(b, h.Sequence)
	b = binary.BigEndian.AppendUint32(b, h.Timestamp)
	b = binary.BigEndian.AppendUint32(b, h.SSRC)
	for _, c := range o.Contributors[:n] {
		b = binary.BigEndian.AppendUint32(b, c)
	}
	if leveled > 0 {
		b = appendLevels(b, l.LevelsID, o.Levels[:leveled])
	}
	return b
}

// levelsSize returns how long appendLevels makes the extension.
func levelsSize(id uint8, n int) int {
	switch {
	case id == 0 || n == 0:
		return 0
	case id <= maxOneByteID:
		return extPrefix + (1+n+3)&^3
	}
	return extPrefix + (2+n+3)&^3
}

// appendLevels writes the mixer-to-client levels (RFC 6465 section 3) as the only element
// of an RFC 8285 header extension: one byte a level, in the order of the contributors.
func appendLevels(b []byte, id uint8, levels []media.Level) []byte {
	n := len(levels)
	words := uint16(levelsSize(id, n)-extPrefix) / 4
	if id <= maxOneByteID {
		b = binary.BigEndian.AppendUint16(b, profileOne)
		b = binary.BigEndian.AppendUint16(b, words)
		b = append(b, id<<4|byte(n-1))
	} else {
		b = binary.BigEndian.AppendUint16(b, profileTwo)
		b = binary.BigEndian.AppendUint16(b, words)
		b = append(b, id, byte(n))
	}
	for _, v := range levels {
		b = append(b, byte(min(v, media.Silence)))
	}
	head := 1
	if id > maxOneByteID {
		head = 2
	}
	for pad := int(words)*4 - head - n; pad > 0; pad-- {
		b = append(b, 0)
	}
	return b
}

// SenderInfo is what a sender report says of a stream (RFC 3550 section 6.4.1).
type SenderInfo struct {
	SSRC      uint32
	Timestamp uint32 // of the packet sent last
	Rate      uint32 // RTP timestamp units per second
	SentAt    int64  // monotonic nanoseconds at which Timestamp was the present
	Packets   uint32 // under this SSRC
	Octets    uint32 // their payloads
}

// AppendSenderReport writes a sender report of the present time, monotonic nanoseconds, that
// as many report blocks (0 to 31) of 24 bytes will follow.
func AppendSenderReport(b []byte, s *SenderInfo, now int64, blocks int) []byte {
	b = appendReportHeader(b, rtcp.TypeSenderReport, s.SSRC, 5, blocks)
	b = binary.BigEndian.AppendUint64(b, NTP(now))
	b = binary.BigEndian.AppendUint32(b, s.Timestamp+uint32(units(now-s.SentAt, s.Rate)))
	b = binary.BigEndian.AppendUint32(b, s.Packets)
	return binary.BigEndian.AppendUint32(b, s.Octets)
}

// NTP returns monotonic nanoseconds of about the present as an NTP timestamp (RFC 3550
// section 4). Any goroutine may call it.
func NTP(now int64) uint64 {
	stamps.keep(now)
	return stamps.ntp(now)
}

// appendReportHeader begins a report that has so many words beside the SSRC and the blocks.
func appendReportHeader(b []byte, kind rtcp.PacketType, ssrc uint32, words, blocks int) []byte {
	b = append(b, 2<<6|byte(blocks), byte(kind))
	b = binary.BigEndian.AppendUint16(b, uint16(1+words+blocks*reportBlock/4))
	return binary.BigEndian.AppendUint32(b, ssrc)
}

// AppendCNAME writes an SDES packet (section 6.5.1), its list ended by one to four zeros.
// The name has at most 255 bytes.
func AppendCNAME(b []byte, ssrc uint32, cname string) []byte {
	const itemCNAME = 1
	size := 4 + 2 + len(cname)
	words := size/4 + 1
	b = append(b, 2<<6|1, byte(rtcp.TypeSourceDescription))
	b = binary.BigEndian.AppendUint16(b, uint16(words))
	b = binary.BigEndian.AppendUint32(b, ssrc)
	b = append(b, itemCNAME, byte(len(cname)))
	b = append(b, cname...)
	for range 4*words - size {
		b = append(b, 0)
	}
	return b
}

// AppendBye writes the leave of one SSRC (section 6.6).
func AppendBye(b []byte, ssrc uint32) []byte {
	b = append(b, 2<<6|1, byte(rtcp.TypeGoodbye), 0, 1)
	return binary.BigEndian.AppendUint32(b, ssrc)
}

// NewCNAME returns a short-term persistent canonical name (RFC 7022 section 5): 96 random
// bits in base64. Any goroutine may call it.
func NewCNAME() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // cannot fail
	return base64.StdEncoding.EncodeToString(b[:])
}

// Random32 returns where an SSRC, sequence or timestamp may begin (RFC 3550 section 5.1).
// Any goroutine may call it.
func Random32() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:])
	return binary.BigEndian.Uint32(b[:])
}
