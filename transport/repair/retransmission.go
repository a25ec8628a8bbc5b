package repair

import "encoding/binary"

// RetransmissionSize is what a retransmission adds to the payload: the original sequence
// number, in bytes.
const RetransmissionSize = 2

// AppendRetransmission writes the payload of RFC 4588 section 4: the original sequence
// number and the original payload.
func AppendRetransmission(dst []byte, sequence uint16, payload []byte) []byte {
	return append(binary.BigEndian.AppendUint16(dst, sequence), payload...)
}

// ReadRetransmission returns the original sequence number and payload, a view into b; false
// if b is too short to have one.
func ReadRetransmission(b []byte) (sequence uint16, payload []byte, ok bool) {
	if len(b) < RetransmissionSize {
		return 0, nil, false
	}
	return binary.BigEndian.Uint16(b), b[RetransmissionSize:], true
}
