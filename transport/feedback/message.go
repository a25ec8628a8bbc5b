package feedback

import "encoding/binary"

// Types and formats of feedback messages (RFC 4585 section 6.1, RFC 5104 section 4.1).
const (
	TypeTransport = 205 // RTPFB
	TypePayload   = 206 // PSFB

	FormatNACK        = 1 // TypeTransport
	FormatTMMBR       = 3
	FormatTMMBN       = 4
	FormatTransportCC = 15

	FormatPLI         = 1 // TypePayload
	FormatFIR         = 4
	FormatApplication = 15 // REMB is one
)

// Message is one feedback message. Its fields are as in RFC 4585 section 6.1.
type Message struct {
	Type, Format  uint8
	Sender, Media uint32 // SSRCs of who writes and of whom it is about
	FCI           []byte // feedback control information: whole words
}

const headSize = 12

// Read takes one whole RTCP packet with its header; false if it is no feedback message or
// its lengths contradict each other. What follows the packet in b is left alone.
func Read(b []byte) (Message, bool) {
	if len(b) < headSize || b[0]>>6 != 2 || b[1] != TypeTransport && b[1] != TypePayload {
		return Message{}, false
	}
	size := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
	if size < headSize || size > len(b) {
		return Message{}, false
	}
	m := Message{
		Type: b[1], Format: b[0] & 0x1f, Sender: binary.BigEndian.Uint32(b[4:]),
		Media: binary.BigEndian.Uint32(b[8:]), FCI: b[headSize:size:size],
	}
	return m, b[0]&0x20 == 0 || m.unpad()
}

// unpad takes off padding, which is whole words and tells its length in its last byte
// (RFC 3550 section 6.4.1).
func (m *Message) unpad() bool {
	n := len(m.FCI)
	if n == 0 {
		return false
	}
	pad := int(m.FCI[n-1])
	if pad == 0 || pad%4 != 0 || pad > n {
		return false
	}
	m.FCI = m.FCI[:n-pad]
	return true
}

// Append writes the head of a message whose control information has so many words, at most
// 65,000, which the caller appends.
func Append(dst []byte, kind, format uint8, sender, media uint32, words int) []byte {
	dst = append(dst, 2<<6|format&0x1f, kind)
	dst = binary.BigEndian.AppendUint16(dst, uint16(headSize/4-1+words))
	dst = binary.BigEndian.AppendUint32(dst, sender)
	return binary.BigEndian.AppendUint32(dst, media)
}

// Fill sets the length of a message, given from its head on, whose control information was
// appended without being known before: whole words.
func Fill(message []byte) {
	binary.BigEndian.PutUint16(message[2:], uint16(len(message)/4-1))
}
