package feedback

import (
	"encoding/binary"

	"github.com/pion/rtcp"
)

// Packet types that pion/rtcp does not know.
const (
	TypeSummary rtcp.PacketType = 209 // RSI, RFC 5760
	TypeToken   rtcp.PacketType = 210 // TOKEN, RFC 6284
)

// MaxPackets is how many packets of a compound one are read.
const MaxPackets = 16

const headerSize = 4

// Packet is one RTCP packet of a compound one.
type Packet struct {
	Type  rtcp.PacketType
	Count uint8  // report count, feedback message type or sub-message type: 5 bits
	Body  []byte // what follows the four bytes of the header, less padding; a view
}

// SSRC returns the first word of the body, which names the sender in all packets but an
// empty BYE or SDES; 0 if there is none.
func (p *Packet) SSRC() uint32 {
	if len(p.Body) < 4 {
		return 0
	}
	return binary.BigEndian.Uint32(p.Body)
}

// Compound walks the packets of a datagram.
type Compound struct {
	rest []byte
	left int
}

// Read begins a walk.
func Read(datagram []byte) Compound { return Compound{datagram, MaxPackets} }

// Next returns the next packet; false at the end, at what is not whole, and after
// MaxPackets.
func (c *Compound) Next() (p Packet, ok bool) {
	b := c.rest
	if c.left == 0 || len(b) < headerSize || b[0]>>6 != 2 || b[1] < 192 || b[1] > 223 {
		return p, false
	}
	size := headerSize + 4*int(binary.BigEndian.Uint16(b[2:]))
	if size > len(b) {
		return p, false
	}
	p = Packet{Type: rtcp.PacketType(b[1]), Count: b[0] & 31, Body: b[headerSize:size:size]}
	if b[0]&0x20 != 0 && !p.unpad() {
		return Packet{}, false
	}
	c.rest, c.left = b[size:], c.left-1
	return p, true
}

func (p *Packet) unpad() bool {
	n := len(p.Body)
	if n == 0 {
		return false
	}
	pad := int(p.Body[n-1])
	if pad == 0 || pad > n || pad%4 != 0 {
		return false
	}
	p.Body = p.Body[:n-pad]
	return true
}

// Sizes in bytes, RFC 3550 sections 6.4.1 and 6.4.2.
const (
	senderInfo  = 20
	reportBlock = 24
)

// SenderInfo is what a sender report says of the sender.
type SenderInfo struct {
	NTP     uint64
	Stamp   uint32 // RTP
	Packets uint32
	Octets  uint32
}

// SenderInfo reads a sender report (RFC 3550 section 6.4.1).
func (p *Packet) SenderInfo() (i SenderInfo, ok bool) {
	if p.Type != rtcp.TypeSenderReport || len(p.Body) < 4+senderInfo {
		return i, false
	}
	b := p.Body[4:]
	return SenderInfo{binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:]),
		binary.BigEndian.Uint32(b[12:]), binary.BigEndian.Uint32(b[16:])}, true
}

// ReportOn finds the block of a sender or receiver report that is about a source.
func (p *Packet) ReportOn(ssrc uint32) (r rtcp.ReceptionReport, ok bool) {
	blocks := p.blocks()
	for n := 0; n < int(p.Count) && len(blocks) >= reportBlock; n++ {
		if binary.BigEndian.Uint32(blocks) == ssrc && r.Unmarshal(blocks[:reportBlock]) == nil {
			return r, true
		}
		blocks = blocks[reportBlock:]
	}
	return rtcp.ReceptionReport{}, false
}

func (p *Packet) blocks() []byte {
	at := 4
	switch p.Type {
	case rtcp.TypeSenderReport:
		at += senderInfo
	case rtcp.TypeReceiverReport:
	default:
		return nil
	}
	if len(p.Body) < at {
		return nil
	}
	return p.Body[at:]
}

// Leaves tells whether a BYE names a source (RFC 3550 section 6.6).
func (p *Packet) Leaves(ssrc uint32) bool {
	if p.Type != rtcp.TypeGoodbye {
		return false
	}
	for b := p.Body[:min(len(p.Body), 4*int(p.Count))]; len(b) >= 4; b = b[4:] {
		if binary.BigEndian.Uint32(b) == ssrc {
			return true
		}
	}
	return false
}

// NACK returns the media source and the list of a generic NACK (RFC 4585 section 6.2.1),
// which transport/repair reads.
func (p *Packet) NACK() (media uint32, fci []byte, ok bool) {
	if p.Type != rtcp.TypeTransportSpecificFeedback || p.Count != rtcp.FormatTLN || len(p.Body) <= 8 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint32(p.Body[4:]), p.Body[8:], true
}

// AppendNACK writes a generic NACK by "sender" about the stream "media"; fci is a list of
// transport/repair.
func AppendNACK(dst []byte, sender, media uint32, fci []byte) []byte {
	dst = appendHeader(dst, rtcp.FormatTLN, rtcp.TypeTransportSpecificFeedback, 8+len(fci))
	dst = binary.BigEndian.AppendUint32(dst, sender)
	return append(binary.BigEndian.AppendUint32(dst, media), fci...)
}

// appendHeader writes the header of a packet with a body of whole words.
func appendHeader(dst []byte, count uint8, t rtcp.PacketType, body int) []byte {
	dst = append(dst, 2<<6|count, byte(t))
	return binary.BigEndian.AppendUint16(dst, uint16(body/4))
}
