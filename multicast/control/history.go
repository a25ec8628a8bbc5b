package control

import (
	"encoding/binary"
	"net/netip"

	"github.com/confd/confd/media"
	"github.com/confd/confd/transport/repair"
)

const (
	historySize = 256     // packets that can be asked for: 2.5 s at 10 ms, 5 s at 20 ms
	maxKept     = 1 << 14 // of them, at most: half the sequence numbers must be left
	maxAsking   = 32      // listeners that are noted for one packet
	maxPacket   = 1500    // bytes
	rtpHeader   = 12
)

// sent is one packet of the stream, as it was but for protection and redundancy.
type sent struct {
	ssrc     uint32
	sequence uint16
	used     bool
	body     int // where the payload begins
	packet   []byte

	asking []ask // listeners that want it or were given it
	due    int64 // when requests are answered, 0 = there are none
	again  int64 // requests before this came before the group can have had the answer
}

// ask is one listener's wish.
type ask struct {
	from    netip.AddrPort
	again   int64 // it may ask again from here on
	pending bool
}

// history is the stream's last packets, by sequence number. It is a media.Receiver.
type history struct {
	slots       []sent
	payloadType uint8
}

func newHistory(c *Config) history {
	n := c.Kept
	if n == 0 {
		n = historySize
	}
	return history{slots: make([]sent, n), payloadType: c.PayloadType}
}

// at is where the packet of a number is, if it is at hand.
func (h *history) at(sequence uint16) *sent { return &h.slots[int(sequence)%len(h.slots)] }

// drain takes what the stream has sent since the last time.
func (h *history) drain(from media.Source, now int64) {
	if from != nil {
		for from.Poll(now, len(h.slots), h) == len(h.slots) {
		}
	}
}

// Receive keeps a packet. What is not of the format, such as comfort noise, could not be
// retransmitted under the one payload type that there is for it.
func (h *history) Receive(p *media.Packet) {
	b := p.Payload
	body := headerLength(b)
	if body == 0 || len(b) > maxPacket || b[1]&0x7f != h.payloadType {
		return
	}
	s := h.at(p.Sequence)
	*s = sent{ssrc: p.SSRC, sequence: p.Sequence, used: true, body: body,
		packet: append(s.packet[:0], b...), asking: s.asking[:0]}
}

// headerLength returns where the payload of an RTP packet begins, 0 if it is none.
func headerLength(b []byte) int {
	if len(b) < rtpHeader || b[0]>>6 != 2 {
		return 0
	}
	n := rtpHeader + 4*int(b[0]&15)
	if b[0]&0x10 != 0 {
		if n+4 > len(b) {
			return 0
		}
		n += 4 + 4*int(binary.BigEndian.Uint16(b[n+2:]))
	}
	if n > len(b) {
		return 0
	}
	return n
}

// find returns a packet that was sent, nil if it is not at hand.
func (h *history) find(ssrc uint32, sequence uint16) *sent {
	if s := h.at(sequence); s.used && s.sequence == sequence && s.ssrc == ssrc {
		return s
	}
	return nil
}

// appendRetransmission writes the packet as RFC 4588 section 4 has it: its header under
// another payload type, SSRC and sequence number, then its own number and payload.
func (s *sent) appendRetransmission(dst []byte, payloadType uint8, ssrc uint32, sequence uint16) []byte {
	start := len(dst)
	dst = append(dst, s.packet[:s.body]...)
	b := dst[start:]
	b[1] = b[1]&0x80 | payloadType
	binary.BigEndian.PutUint16(b[2:], sequence)
	binary.BigEndian.PutUint32(b[8:], ssrc)
	return repair.AppendRetransmission(dst, s.sequence, s.packet[s.body:])
}
