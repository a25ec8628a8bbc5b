package transport

import (
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/confd/confd/media"
)

func newRing(t testing.TB, slots, size int) *Ring {
	t.Helper()
	r, err := NewRing(slots, size)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRingBounds(t *testing.T) {
	for _, c := range []struct{ slots, size int }{{0, 10}, {1<<16 + 1, 10}, {8, 0}, {8, 1 << 16}} {
		if _, err := NewRing(c.slots, c.size); err == nil {
			t.Errorf("a ring of %d slots of %d bytes was made", c.slots, c.size)
		}
	}
	r := newRing(t, 3, 10) // four slots
	for i := range 6 {
		ok := r.Push(&media.Packet{Sequence: uint16(i), Payload: make([]byte, 10)})
		if ok != (i < 4) {
			t.Errorf("push %d: %v", i, ok)
		}
	}
	if r.Len() != 4 || r.Dropped() != 2 {
		t.Errorf("%d wait, %d dropped, want 4 and 2", r.Len(), r.Dropped())
	}
	var got collector
	if n := r.Poll(0, 3, &got); n != 3 || got.packets[2].Sequence != 2 {
		t.Errorf("polled %d: %v", n, got.sequences())
	}
	if r.Push(&media.Packet{Payload: make([]byte, 11)}) || r.Dropped() != 3 {
		t.Error("a payload that is too long was taken")
	}
	if n := r.Poll(0, -1, &got); n != 0 {
		t.Errorf("limit -1 polled %d", n)
	}
}

func TestRingCopiesPayload(t *testing.T) {
	r := newRing(t, 4, 10)
	payload := []byte{1, 2, 3}
	r.Push(&media.Packet{Payload: payload})
	payload[0] = 9
	var got collector
	r.Poll(0, 1, &got)
	if got.payloads[0][0] != 1 {
		t.Error("the ring shares the producer's memory")
	}
}

func TestRingConcurrently(t *testing.T) {
	const packets = 200_000
	r := newRing(t, 64, 8)
	go func() {
		var payload [8]byte
		for i := uint64(0); i < packets; {
			binary.BigEndian.PutUint64(payload[:], i)
			if r.Push(&media.Packet{Timestamp: uint32(i), Payload: payload[:]}) {
				i++
			} else {
				runtime.Gosched()
			}
		}
	}()
	next := uint64(0)
	check := media.ReceiverFunc(func(p *media.Packet) {
		if got := binary.BigEndian.Uint64(p.Payload); got != next || p.Timestamp != uint32(next) {
			t.Fatalf("packet %d carries %d and %d", next, got, p.Timestamp)
		}
		next++
	})
	for next < packets {
		if r.Poll(0, 16, check) == 0 {
			runtime.Gosched()
		}
	}
}

func TestRingAllocatesNothing(t *testing.T) {
	r := newRing(t, 8, 160)
	p := &media.Packet{Payload: make([]byte, 160)}
	if n := testing.AllocsPerRun(1000, func() { r.Push(p); r.Poll(0, 8, discard) }); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}
