//go:build linux

package cameras

import (
	"encoding/binary"
	"strconv"
)

// Kinds of RTCP packets (RFC 3550 section 12.1, RFC 4585 section 6.1) and formats of feedback
// (RFC 4585, RFC 5104, draft-alvestrand-rmcat-remb-03).
const (
	kindSenderReport   = 200
	kindReceiverReport = 201
	kindDescription    = 202
	kindTransport      = 205
	kindPayload        = 206

	formatNACK  = 1 // of kindTransport
	formatTMMBR = 3
	formatTMMBN = 4
	formatPLI   = 1 // of kindPayload
	formatFIR   = 4
	formatREMB  = 15
)

// message is one packet of a compound packet: of feedback, its sources and what follows them.
type message struct {
	kind, format  uint8
	sender, media uint32
	body          []byte // behind the sender of a report, behind the media source of feedback
}

// readMessage takes the first packet of a compound one; false if there is none, or it is cut
// off. What it returns are views.
func readMessage(b []byte) (m message, rest []byte, ok bool) {
	if len(b) < 8 || b[0]>>6 != 2 {
		return m, nil, false
	}
	n := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
	if n < 8 || n > len(b) {
		return m, nil, false
	}
	m = message{kind: b[1], format: b[0] & 31, sender: binary.BigEndian.Uint32(b[4:]), body: b[8:n]}
	if m.kind == kindTransport || m.kind == kindPayload {
		if n < 12 {
			return m, nil, false
		}
		m.media, m.body = binary.BigEndian.Uint32(b[8:]), b[12:n]
	}
	return m, b[n:], true
}

// limit returns the bit rate of a TMMBR (RFC 5104 section 4.2.1) or REMB that is about a
// source; false if the message is neither, or not about it.
func (m *message) limit(ssrc uint32) (bits uint64, ok bool) {
	switch {
	case m.kind == kindTransport && m.format == formatTMMBR:
		for b := m.body; len(b) >= 8; b = b[8:] {
			if binary.BigEndian.Uint32(b) == ssrc {
				v := binary.BigEndian.Uint32(b[4:])
				return join(v>>26, v>>9&0x1ffff), true
			}
		}
	case m.kind == kindPayload && m.format == formatREMB && len(m.body) >= 8 && string(m.body[:4]) == "REMB":
		v := binary.BigEndian.Uint32(m.body[4:]) & 0xffffff
		for b, n := m.body[8:], m.body[4]; n > 0 && len(b) >= 4; b, n = b[4:], n-1 {
			if binary.BigEndian.Uint32(b) == ssrc {
				return join(v>>18, v&0x3ffff), true
			}
		}
	}
	return 0, false
}

// join makes a number of exponent and mantissa; what is too large is the largest.
func join(exponent, mantissa uint32) uint64 {
	if n := uint64(mantissa) << exponent; n>>exponent == uint64(mantissa) {
		return n
	}
	return 1<<64 - 1
}

// refresh returns the number of a full intra request for a source (RFC 5104 section 4.3.1).
func (m *message) refresh(ssrc uint32) (number uint8, ok bool) {
	if m.kind != kindPayload || m.format != formatFIR {
		return 0, false
	}
	for b := m.body; len(b) >= 8; b = b[8:] {
		if binary.BigEndian.Uint32(b) == ssrc {
			return b[4], true
		}
	}
	return 0, false
}

// sending is what a sender report tells.
type sending struct {
	now             int64 // wall clock, ns
	timestamp       uint32
	packets, octets uint32
}

// reception is a report block (RFC 3550 section 6.4.1).
type reception struct {
	ssrc              uint32
	fraction          uint8
	lost              int32
	highest, jitter   uint32
	lastReport, delay uint32
}

// epoch1900 is from 1900, where NTP begins, to 1970, seconds.
const epoch1900 = 2208988800

func head(b []byte, count int, kind uint8, words int) []byte {
	b = append(b, 0x80|byte(count), kind)
	return binary.BigEndian.AppendUint16(b, uint16(words))
}

func appendSenderReport(b []byte, ssrc uint32, s sending, r *reception) []byte {
	n, words := 0, 6
	if r != nil {
		n, words = 1, 12
	}
	b = binary.BigEndian.AppendUint32(head(b, n, kindSenderReport, words), ssrc)
	b = binary.BigEndian.AppendUint32(b, uint32(s.now/1e9+epoch1900))
	b = binary.BigEndian.AppendUint32(b, uint32(uint64(s.now%1e9)<<32/1e9))
	b = binary.BigEndian.AppendUint32(b, s.timestamp)
	b = binary.BigEndian.AppendUint32(b, s.packets)
	return r.append(binary.BigEndian.AppendUint32(b, s.octets))
}

func appendReceiverReport(b []byte, ssrc uint32, r *reception) []byte {
	n, words := 0, 1
	if r != nil {
		n, words = 1, 7
	}
	return r.append(binary.BigEndian.AppendUint32(head(b, n, kindReceiverReport, words), ssrc))
}

func (r *reception) append(b []byte) []byte {
	if r == nil {
		return b
	}
	b = binary.BigEndian.AppendUint32(b, r.ssrc)
	b = binary.BigEndian.AppendUint32(b, uint32(r.fraction)<<24|uint32(r.lost)&0xffffff)
	b = binary.BigEndian.AppendUint32(b, r.highest)
	b = binary.BigEndian.AppendUint32(b, r.jitter)
	b = binary.BigEndian.AppendUint32(b, r.lastReport)
	return binary.BigEndian.AppendUint32(b, r.delay)
}

// appendName writes a description with a canonical name.
func appendName(b []byte, ssrc uint32, number int) []byte {
	from := len(b)
	b = binary.BigEndian.AppendUint32(head(b, 1, kindDescription, 0), ssrc)
	b = append(b, 1, 0)
	length := len(b)
	b = strconv.AppendInt(append(b, "load-"...), int64(number), 10)
	b[length-1] = byte(len(b) - length)
	b = append(b, 0)
	for (len(b)-from)%4 != 0 {
		b = append(b, 0)
	}
	binary.BigEndian.PutUint16(b[from+2:], uint16((len(b)-from)/4-1))
	return b
}

func appendFeedback(b []byte, kind, format uint8, sender, media uint32, words int) []byte {
	b = head(b, int(format), kind, 2+words)
	b = binary.BigEndian.AppendUint32(b, sender)
	return binary.BigEndian.AppendUint32(b, media)
}

func appendPLI(b []byte, sender, media uint32) []byte {
	return appendFeedback(b, kindPayload, formatPLI, sender, media, 0)
}

func appendFIR(b []byte, sender, media uint32, number uint8) []byte {
	b = appendFeedback(b, kindPayload, formatFIR, sender, 0, 2)
	return append(binary.BigEndian.AppendUint32(b, media), number, 0, 0, 0)
}

// appendTMMBN says that a source keeps to a limit.
func appendTMMBN(b []byte, sender uint32, bits uint64) []byte {
	exponent := uint32(0)
	for bits >= 1<<17 {
		bits >>= 1
		exponent++
	}
	b = appendFeedback(b, kindTransport, formatTMMBN, sender, 0, 2)
	b = binary.BigEndian.AppendUint32(b, sender)
	return binary.BigEndian.AppendUint32(b, exponent<<26|uint32(bits)<<9|40)
}

// appendNACK asks for packets, which come in order, by as few entries as that takes.
func appendNACK(b []byte, sender, media uint32, missing []uint16) []byte {
	from := len(b)
	b = appendFeedback(b, kindTransport, formatNACK, sender, media, 0)
	for len(missing) > 0 {
		first, mask := missing[0], uint16(0)
		for missing = missing[1:]; len(missing) > 0 && missing[0]-first <= 16; missing = missing[1:] {
			mask |= 1 << (missing[0] - first - 1)
		}
		b = binary.BigEndian.AppendUint16(b, first)
		b = binary.BigEndian.AppendUint16(b, mask)
	}
	binary.BigEndian.PutUint16(b[from+2:], uint16((len(b)-from)/4-1))
	return b
}
