package transport

import (
	"fmt"
	"sync/atomic"

	"github.com/confd/confd/media"
)

// Ring is a media.Source that is fed by one other goroutine: the reader of a socket that
// several streams share. It is bounded, copies payloads, and takes no lock: the producer
// alone moves the tail, the owner of the tick alone the head.
type Ring struct {
	slots []slot
	mask  uint64

	head    atomic.Uint64 // next to be read
	_       [56]byte      // the two ends on cache lines of their own
	tail    atomic.Uint64 // next to be written
	_       [56]byte
	dropped atomic.Uint64
}

type slot struct {
	packet media.Packet
	buffer []byte
}

// NewRing makes a ring of at least slots packets (1 to 65536, rounded up to a power of
// two) whose payloads have at most maxPacket bytes (1 to 65535).
func NewRing(slots, maxPacket int) (*Ring, error) {
	if slots < 1 || slots > 1<<16 {
		return nil, fmt.Errorf("ring of %d slots: want 1 to 65536", slots)
	}
	if maxPacket < 1 || maxPacket > 1<<16-1 {
		return nil, fmt.Errorf("ring for payloads of %d bytes: want 1 to 65535", maxPacket)
	}
	size := 1
	for size < slots {
		size *= 2
	}
	r := &Ring{slots: make([]slot, size), mask: uint64(size - 1)}
	memory := make([]byte, size*maxPacket)
	for i := range r.slots {
		r.slots[i].buffer = memory[i*maxPacket : i*maxPacket : (i+1)*maxPacket]
	}
	return r, nil
}

// Push copies a packet in and tells whether there was room. A packet that finds the ring
// full, or whose payload is too long, is dropped and counted. One goroutine may call it.
func (r *Ring) Push(p *media.Packet) bool {
	tail := r.tail.Load()
	s := &r.slots[tail&r.mask]
	if tail-r.head.Load() > r.mask || len(p.Payload) > cap(s.buffer) {
		r.dropped.Add(1)
		return false
	}
	s.packet = *p
	s.packet.Payload = append(s.buffer[:0], p.Payload...)
	r.tail.Store(tail + 1)
	return true
}

// Poll implements media.Source. The owner of the tick may call it while another goroutine
// pushes.
func (r *Ring) Poll(_ int64, limit int, to media.Receiver) int {
	head := r.head.Load()
	n := int(min(r.tail.Load()-head, uint64(max(limit, 0))))
	for i := range n {
		to.Receive(&r.slots[(head+uint64(i))&r.mask].packet)
		r.head.Store(head + uint64(i) + 1) // the slot is free only now
	}
	return n
}

// Len returns how many packets wait. Any goroutine may call it.
func (r *Ring) Len() int {
	head := r.head.Load() // first, or it might have passed the tail
	return int(r.tail.Load() - head)
}

// Dropped returns how many packets were dropped. Any goroutine may call it.
func (r *Ring) Dropped() uint64 { return r.dropped.Load() }
