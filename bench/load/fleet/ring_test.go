//go:build linux

package fleet

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// What goes in comes out, in order, or is counted.
func TestRing(t *testing.T) {
	const n = 20000
	r := newRing(1 << 12)
	send := make(chan struct{})
	go func() {
		defer close(send)
		dice := rand.New(rand.NewPCG(1, 2))
		for k := range uint32(n) {
			payload := bytes.Repeat([]byte{byte(k)}, dice.IntN(300))
			r.push(&arrived{ear: k % 7, round: 3, at: int64(k) * 1e9, ssrc: k + 1, number: k, stamp: k * 160, kind: uint8(k % 128), payload: payload})
		}
	}()
	var a arrived
	last, got := int64(-1), 0
	for over := false; ; {
		tail, ok := r.pop(&a)
		if !ok {
			if over {
				break
			}
			select {
			case <-send:
				over = true
			default:
			}
			continue
		}
		k := a.number
		if int64(k) <= last || a.ear != k%7 || a.round != 3 || a.at != int64(k)*1e9 || a.ssrc != k+1 || a.stamp != k*160 ||
			a.kind != uint8(k%128) || len(a.payload) != bytes.Count(a.payload, []byte{byte(k)}) {
			t.Fatalf("after %d came %+v", last, a)
		}
		last = int64(k)
		got++
		r.done(tail)
	}
	if lost := int(r.overflow.Load()); got+lost != n || got == 0 {
		t.Errorf("%d came, %d did not, of %d", got, lost, n)
	}
}

// A full ring takes nothing more, and what was in it stays.
func TestFullRing(t *testing.T) {
	r := newRing(1 << 10)
	payload := make([]byte, 128-arrivedSize)
	for k := range uint32(9) {
		r.push(&arrived{number: k, payload: payload})
	}
	if n := r.overflow.Load(); n != 1 {
		t.Fatalf("%d of 9 did not fit in the room of 8", n)
	}
	var a arrived
	for k := range uint32(8) {
		tail, ok := r.pop(&a)
		if !ok || a.number != k {
			t.Fatalf("%d, %v, want %d", a.number, ok, k)
		}
		r.done(tail)
	}
	if _, ok := r.pop(&a); ok {
		t.Error("an empty ring had something")
	}
}
