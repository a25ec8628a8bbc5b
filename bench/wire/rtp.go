//go:build linux

package wire

import "encoding/binary"

// HeaderSize is the length of an RTP header without contributors and extensions.
const HeaderSize = 12

// Extended is the bit of a header's first byte that says that an extension follows the header.
const Extended = 0x10

// Stream numbers the packets of one outgoing RTP stream.
type Stream struct {
	SSRC        uint32
	Timestamp   uint32 // of the next packet
	Sequence    uint16 // of the next packet
	PayloadType uint8
}

// Stamp writes the next header (RFC 3550 section 5.1) over the first HeaderSize bytes of
// packet and moves on by ticks timestamp units.
func (s *Stream) Stamp(packet []byte, ticks uint32) {
	_ = packet[HeaderSize-1]
	packet[0], packet[1] = 0x80, s.PayloadType
	binary.BigEndian.PutUint16(packet[2:], s.Sequence)
	binary.BigEndian.PutUint32(packet[4:], s.Timestamp)
	binary.BigEndian.PutUint32(packet[8:], s.SSRC)
	s.Sequence++
	s.Timestamp += ticks
}

// LevelExtension is a header extension that has only a client-to-mixer level (RFC 6464
// section 3, one-byte form), in -dBov, with the number id that was negotiated for it, 1 to 14.
// It says that there is voice if the level is above -60 dBov.
func LevelExtension(id, level uint8) []byte {
	const voice = 0x80
	if level < 60 {
		level |= voice
	}
	return []byte{0xbe, 0xde, 0, 1, id << 4, level, 0, 0}
}

// Sequence returns the sequence number of an RTP packet that Payload accepts.
func Sequence(packet []byte) uint16 { return binary.BigEndian.Uint16(packet[2:]) }

// Payload returns what follows the contributors and the extension, without padding; nil
// if packet is not RTP. RTCP (RFC 5761 section 4) is not.
func Payload(packet []byte) []byte {
	if len(packet) < HeaderSize || packet[0]>>6 != 2 || packet[1] >= 192 && packet[1] <= 223 {
		return nil
	}
	start, end := HeaderSize+4*int(packet[0]&15), len(packet)
	if packet[0]&Extended != 0 {
		if start+4 > end {
			return nil
		}
		start += 4 + 4*int(binary.BigEndian.Uint16(packet[start+2:]))
	}
	if packet[0]&0x20 != 0 {
		end -= int(packet[end-1])
	}
	if start > end {
		return nil
	}
	return packet[start:end]
}
