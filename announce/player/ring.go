package player

import "sync/atomic"

// ring hands packets from the reader to the media thread. Each side moves its own end only.
type ring struct {
	slots []slot
	head  atomic.Uint64 // next to be taken; moved by the media thread
	_     [56]byte      // the two ends on cache lines of their own
	tail  atomic.Uint64 // next to be written; moved by the reader
}

// slot is one packet.
type slot struct {
	payload []byte // L16
	samples int    // of the sound; less than the payload's where silence fills it up
	last    bool   // nothing follows
}

func newRing(slots, bytes int) *ring {
	r := &ring{slots: make([]slot, slots)}
	memory := make([]byte, slots*bytes)
	for i := range r.slots {
		r.slots[i].payload = memory[i*bytes : (i+1)*bytes : (i+1)*bytes]
	}
	return r
}

// len may be called by both sides.
func (r *ring) len() int {
	head := r.head.Load() // first, or it might have passed the tail
	return int(r.tail.Load() - head)
}

// back is the slot to write next, or nil if the ring is full. The reader calls it.
func (r *ring) back() *slot {
	if r.len() == len(r.slots) {
		return nil
	}
	return &r.slots[r.tail.Load()%uint64(len(r.slots))]
}

// push gives the slot at the back away.
func (r *ring) push() { r.tail.Add(1) }

// front is the slot to take next, or nil. The media thread calls it and may write to it.
func (r *ring) front() *slot {
	if r.len() == 0 {
		return nil
	}
	return &r.slots[r.head.Load()%uint64(len(r.slots))]
}

// pop gives the slot at the front back.
func (r *ring) pop() { r.head.Add(1) }
