package mixer

import "github.com/confd/confd/media"

// slotCount bounds how many packets of one stream are kept: those that wait and, behind
// them, those already played, which warm a decoder when its input becomes a talker.
const slotCount = 64

// maxPayload bounds a kept payload: what fits an unfragmented datagram.
const maxPayload = 1500

// slotKind says what a packet is to the playout.
type slotKind uint8

const (
	slotEmpty   slotKind = iota
	slotAudio            // in a negotiated format
	slotComfort          // RFC 3389 comfort noise
	slotEvent            // RFC 4733: takes a sequence number, carries no sound
)

// slot is one kept packet. Times are in samples of its format's rate.
type slot struct {
	seq     int64 // extended
	ts      int64 // extended, samples
	samples int   // duration
	kind    slotKind
	silent  bool // discontinuous transmission begins with this packet
	format  *media.Format
	payload []byte
}

// buffer is the packet store of one stream: a ring by sequence number. It neither knows
// time nor decides anything.
type buffer struct {
	slots  [slotCount]slot
	newest int64 // highest sequence number seen since the last reset
	any    bool
}

// at returns the packet with the given sequence number, or nil.
func (b *buffer) at(seq int64) *slot {
	s := &b.slots[uint64(seq)%slotCount]
	if s.kind == slotEmpty || s.seq != seq {
		return nil
	}
	return s
}

// after returns the first packet behind seq, or nil.
func (b *buffer) after(seq int64) *slot {
	for q := seq + 1; q <= b.newest; q++ {
		if s := b.at(q); s != nil {
			return s
		}
	}
	return nil
}

// has reports whether a packet with that sequence number is or was stored.
func (b *buffer) has(seq int64) bool { return b.at(seq) != nil }

// put stores a packet and returns its slot; the payload is copied. The caller has ruled
// out duplicates and packets older than the ring.
func (b *buffer) put(seq int64, payload []byte) *slot {
	s := &b.slots[uint64(seq)%slotCount]
	if cap(s.payload) < len(payload) {
		s.payload = make([]byte, 0, roundUp(len(payload), 64))
	}
	s.payload = append(s.payload[:0], payload...)
	s.seq = seq
	if !b.any || seq > b.newest {
		b.newest, b.any = seq, true
	}
	return s
}

// reset forgets every packet and keeps the memory.
func (b *buffer) reset() {
	for i := range b.slots {
		b.slots[i].kind = slotEmpty
	}
	b.any = false
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }
