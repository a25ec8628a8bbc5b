//go:build linux

package fleet

import (
	"encoding/binary"
	"sync/atomic"
)

// ring is a queue of packets from one thread to one other. Neither waits.
type ring struct {
	bytes    []byte // a power of two
	overflow atomic.Uint64
	_        [64]byte
	head     atomic.Uint64 // bytes written so far; the writer's
	_        [64]byte
	tail     atomic.Uint64 // bytes read so far; the reader's
}

// arrived is one packet that is passed on.
type arrived struct {
	ear     uint32
	round   uint32 // of the ear's number, which is used again
	at      int64
	ssrc    uint32
	number  uint32 // extended sequence number
	stamp   uint32
	kind    uint8  // payload type
	payload []byte // valid until the next call of pop
}

const (
	arrivedSize = 40
	skipRest    = ^uint32(0) // in place of an ear: what follows begins at the ring's start
)

func newRing(size int) *ring { return &ring{bytes: make([]byte, size)} }

// push copies a packet into the ring; if it is full the packet is counted and gone.
func (r *ring) push(a *arrived) {
	size := uint64(arrivedSize+len(a.payload)+7) &^ 7
	head, capacity := r.head.Load(), uint64(len(r.bytes))
	at := head & (capacity - 1)
	rest := capacity - at
	skip := uint64(0)
	if size > rest {
		skip = rest
	}
	if head+skip+size-r.tail.Load() > capacity {
		r.overflow.Add(1)
		return
	}
	if skip > 0 {
		binary.NativeEndian.PutUint32(r.bytes[at:], skipRest)
		at = 0
	}
	a.put(r.bytes[at : at+size])
	r.head.Store(head + skip + size)
}

func (a *arrived) put(b []byte) {
	e := binary.NativeEndian
	e.PutUint32(b, a.ear)
	e.PutUint32(b[4:], a.round)
	e.PutUint64(b[8:], uint64(a.at))
	e.PutUint32(b[16:], a.ssrc)
	e.PutUint32(b[20:], a.number)
	e.PutUint32(b[24:], a.stamp)
	b[28] = a.kind
	e.PutUint32(b[32:], uint32(len(a.payload)))
	copy(b[arrivedSize:], a.payload)
}

// pop returns the oldest packet, whose payload may be read until done is called.
func (r *ring) pop(a *arrived) (done uint64, ok bool) {
	tail, capacity := r.tail.Load(), uint64(len(r.bytes))
	if tail == r.head.Load() {
		return 0, false
	}
	e := binary.NativeEndian
	at := tail & (capacity - 1)
	if e.Uint32(r.bytes[at:]) == skipRest {
		tail += capacity - at
		at = 0
	}
	b := r.bytes[at:]
	n := e.Uint32(b[32:])
	*a = arrived{ear: e.Uint32(b), round: e.Uint32(b[4:]), at: int64(e.Uint64(b[8:])), ssrc: e.Uint32(b[16:]),
		number: e.Uint32(b[20:]), stamp: e.Uint32(b[24:]), kind: b[28], payload: b[arrivedSize : arrivedSize+n]}
	return tail + uint64(arrivedSize+n+7)&^7, true
}

// done gives back the room of a packet that pop returned.
func (r *ring) done(tail uint64) { r.tail.Store(tail) }
