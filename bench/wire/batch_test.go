//go:build linux

package wire

import (
	"net/netip"
	"strconv"
	"testing"
)

// What an outbox has for several peers comes to them, and to an inbox in order, with where it
// is from and when it came.
func TestBatches(t *testing.T) {
	for _, at := range []string{"127.0.0.1:0", "[::1]:0"} {
		a, b := listenOn(t, at), listenOn(t, at)
		if err := b.StampArrivals(); err != nil {
			t.Fatal(err)
		}
		out, in := NewOutbox(), NewInbox()
		if n := in.Receive(b); n != 0 {
			t.Fatalf("%s: %d came of none", at, n)
		}
		before := Realtime()
		for i := range Batch {
			out.Add(copy(out.Next(), strconv.Itoa(i)), PeerOf(b.Local()))
		}
		if !out.Full() || out.Send(a) != 1<<Batch-1 || out.Len() != 0 {
			t.Fatalf("%s: not all was sent", at)
		}
		if n := in.Receive(b); n != Batch {
			t.Fatalf("%s: %d came", at, n)
		}
		for i := range Batch {
			datagram, from, arrival := in.Packet(i)
			if string(datagram) != strconv.Itoa(i) || from != PeerOf(a.Local()) || arrival < before || arrival > Realtime() {
				t.Errorf("%s: packet %d is %q from %v at %d", at, i, datagram, from, arrival-before)
			}
		}
	}
}

// The kernel refuses single packets; the others leave.
func TestOutboxTellsWhatWasRefused(t *testing.T) {
	a, b := listenOn(t, "127.0.0.1:0"), listenOn(t, "127.0.0.1:0")
	out := NewOutbox()
	for i := range 6 {
		to := PeerOf(b.Local())
		if i%2 == 0 {
			to = PeerOf(netip.MustParseAddrPort("192.0.2.1:9")) // not from loopback
		}
		out.Add(copy(out.Next(), "x"), to)
	}
	if taken := out.Send(a); taken != 0b101010 {
		t.Errorf("taken %b", taken)
	}
	if n := NewInbox().Receive(b); n != 3 {
		t.Errorf("%d came", n)
	}
}

func TestBatchesAllocateNothing(t *testing.T) {
	a, b := listenOn(t, "127.0.0.1:0"), listenOn(t, "127.0.0.1:0")
	out, in, to := NewOutbox(), NewInbox(), PeerOf(b.Local())
	if n := testing.AllocsPerRun(100, func() {
		out.Add(copy(out.Next(), "x"), to)
		out.Send(a)
		for i := range in.Receive(b) {
			in.Packet(i)
		}
	}); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
}

func listenOn(t *testing.T, at string) *Socket {
	t.Helper()
	s, err := ListenOn(netip.MustParseAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}
