package mixer

import (
	"unsafe"

	"github.com/confd/confd/internal/cache"
	"github.com/confd/confd/media"
)

// slotCount bounds how many packets of one stream are kept: those that wait and, behind
// them, those already played, which warm a decoder when its input becomes a talker.
const slotCount = 64

// fewSlots are what a stream begins with, and all that most ever need: memory that is
// written in turn should be little, or it is never near.
const fewSlots = 8

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

// buffer is the packet store of one stream: a ring by sequence number, which grows when a
// packet would take the place of one that is still needed. It neither knows time nor decides
// anything.
type buffer struct {
	slots  []slot // fewSlots to slotCount, a power of two
	store  []byte // their payloads, room bytes for each
	room   int
	newest int64 // highest sequence number seen since the last reset
	any    bool
}

// at returns the packet with the given sequence number, or nil.
func (b *buffer) at(seq int64) *slot {
	if len(b.slots) == 0 {
		return nil
	}
	s := &b.slots[uint64(seq)%uint64(len(b.slots))]
	if s.kind == slotEmpty || s.seq != seq {
		return nil
	}
	return s
}

// near has fetched where the next packet will be put.
func (b *buffer) near() {
	if len(b.slots) == 0 {
		return
	}
	i := int(uint64(b.newest+1) % uint64(len(b.slots)))
	cache.Fetch(&b.slots[i], unsafe.Sizeof(slot{}))
	cache.Fetch(&b.store[i*b.room], uintptr(b.room))
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
// out duplicates and packets older than slotCount. Packets from needed on are kept as far as
// slotCount allows.
func (b *buffer) put(seq, needed int64, payload []byte) *slot {
	if b.slots == nil || len(payload) > b.room {
		b.resize(max(len(b.slots), fewSlots), max(b.room, roundUp(max(len(payload), 1), 64)))
	}
	for len(b.slots) < slotCount && b.taken(seq, needed) {
		b.resize(2*len(b.slots), b.room)
	}
	i := int(uint64(seq) % uint64(len(b.slots)))
	s := &b.slots[i]
	s.payload = append(b.store[i*b.room:i*b.room:(i+1)*b.room], payload...)
	s.seq = seq
	if !b.any || seq > b.newest {
		b.newest, b.any = seq, true
	}
	return s
}

// taken reports whether the place of a packet has another that is needed.
func (b *buffer) taken(seq, needed int64) bool {
	s := &b.slots[uint64(seq)%uint64(len(b.slots))]
	return s.kind != slotEmpty && (s.seq > seq || s.seq >= needed && s.seq < seq)
}

// resize gives each of n slots room bytes; what is kept moves along.
func (b *buffer) resize(n, room int) {
	old := b.slots
	b.slots, b.store, b.room = make([]slot, n), make([]byte, n*room), room
	for i := range old {
		if old[i].kind == slotEmpty {
			continue
		}
		at := int(uint64(old[i].seq) % uint64(n))
		s := &b.slots[at]
		*s = old[i]
		s.payload = append(b.store[at*room:at*room:(at+1)*room], old[i].payload...)
	}
}

// reset forgets every packet and keeps the memory.
func (b *buffer) reset() {
	for i := range b.slots {
		b.slots[i].kind = slotEmpty
	}
	b.any = false
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }
