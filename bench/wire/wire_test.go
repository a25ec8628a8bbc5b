//go:build linux

package wire

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func pair(t *testing.T) (a, b *Socket) {
	t.Helper()
	var err error
	if a, err = Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	if b, err = Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	if err := a.Connect(b.Local()); err != nil {
		t.Fatal(err)
	}
	if err := b.Connect(a.Local()); err != nil {
		t.Fatal(err)
	}
	return a, b
}

func TestSocketCarriesPackets(t *testing.T) {
	a, b := pair(t)
	buf := make([]byte, 64)
	if n := b.Receive(buf); n != 0 {
		t.Fatalf("an empty socket gave %d bytes", n)
	}
	if !a.Send([]byte("hello")) {
		t.Fatal("send refused")
	}
	if n := b.Receive(buf); string(buf[:n]) != "hello" {
		t.Fatalf("received %q", buf[:n])
	}
}

func TestArrivalIsBetweenSendAndReceive(t *testing.T) {
	a, b := pair(t)
	if err := b.StampArrivals(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	before := Realtime()
	a.Send([]byte("x"))
	n, at := b.ReceiveStamped(buf)
	if n != 1 || at < before || at > Realtime() {
		t.Fatalf("n=%d, arrival %d ns after the send", n, at-before)
	}
}

// The load of others must not leave the machine by a typing error.
func TestLoopbackSpeaksToLoopbackOnly(t *testing.T) {
	a, _ := pair(t)
	for _, peer := range []string{"192.0.2.1:9", "[::1]:9", ":0"} {
		addr, _ := netip.ParseAddrPort(peer)
		if a.Connect(addr) == nil {
			t.Errorf("connected to %s", peer)
		}
	}
}

func TestSocketsOfBothVersions(t *testing.T) {
	for _, at := range []string{"127.3.2.1:0", "[::1]:0"} {
		a, err := ListenOn(netip.MustParseAddrPort(at))
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		if a.Local().Port() == 0 || a.Local().Addr() != netip.MustParseAddrPort(at).Addr() {
			t.Errorf("%s is bound to %v", at, a.Local())
		}
		if err := a.Connect(a.Local()); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 8)
		if !a.Send([]byte("hello")) || a.Receive(buf) != 5 {
			t.Errorf("%s: what was sent to itself did not come", at)
		}
	}
	if _, err := ListenOn(netip.MustParseAddrPort("192.0.2.77:0")); err == nil || !strings.Contains(err.Error(), "192.0.2.77") {
		t.Errorf("bound to an address of somebody else: %v", err)
	}
}

func TestReceivingAllocatesNothing(t *testing.T) {
	a, b := pair(t)
	if err := b.StampArrivals(); err != nil {
		t.Fatal(err)
	}
	packet, buf := []byte("x"), make([]byte, 64)
	if n := testing.AllocsPerRun(100, func() { a.Send(packet); b.ReceiveStamped(buf) }); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
}

func TestSleepUntilIsNeverEarly(t *testing.T) {
	due := Monotonic() + int64(2*time.Millisecond)
	SleepUntil(due)
	if late := Monotonic() - due; late < 0 {
		t.Fatalf("woke %d ns early", -late)
	}
}

func TestStampAndPayload(t *testing.T) {
	s := Stream{SSRC: 0x01020304, Timestamp: 1 << 31, Sequence: 65535, PayloadType: 111}
	packet := append(make([]byte, HeaderSize), 7, 8, 9)
	s.Stamp(packet, 960)
	want := []byte{0x80, 111, 0xff, 0xff, 0x80, 0, 0, 0, 1, 2, 3, 4, 7, 8, 9}
	if !bytes.Equal(packet, want) {
		t.Fatalf("packet % x, want % x", packet, want)
	}
	if s.Sequence != 0 || s.Timestamp != 1<<31+960 {
		t.Fatalf("next is %d at %d", s.Sequence, s.Timestamp)
	}
}

func TestPayloadSkipsWhatSurroundsIt(t *testing.T) {
	head := func(first byte, rest ...byte) []byte {
		return append([]byte{first, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}, rest...)
	}
	for name, c := range map[string]struct{ packet, want []byte }{
		"plain":            {head(0x80, 5, 6), []byte{5, 6}},
		"contributor":      {head(0x81, 0, 0, 0, 9, 5), []byte{5}},
		"extension":        {head(0x90, 0xbe, 0xde, 0, 1, 1, 2, 3, 4, 5), []byte{5}},
		"padding":          {head(0xa0, 5, 0, 2), []byte{5}},
		"short":            {[]byte{0x80}, nil},
		"sender report":    {[]byte{0x80, 200, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 9}, nil},
		"version":          {head(0x40, 5), nil},
		"cut contributors": {head(0x82, 0, 0, 0, 9), nil},
		"cut extension":    {head(0x90, 0xbe), nil},
		"long extension":   {head(0x90, 0xbe, 0xde, 0, 9), nil},
		"all padding":      {head(0xa0, 200), nil},
	} {
		if got := Payload(c.packet); !bytes.Equal(got, c.want) {
			t.Errorf("%s: payload % x, want % x", name, got, c.want)
		}
	}
}

func FuzzPayload(f *testing.F) {
	f.Add([]byte{0x91, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0xbe, 0xde, 0, 0, 5})
	f.Fuzz(func(t *testing.T, packet []byte) {
		if p := Payload(packet); len(p) > len(packet)-HeaderSize && p != nil {
			t.Fatalf("payload of %d bytes in a packet of %d", len(p), len(packet))
		}
	})
}

// What takes long between two readings of a clock does not count.
func TestRealtimeAhead(t *testing.T) {
	readings := 0
	clock := func() int64 {
		if readings++; readings == 2 {
			return Realtime() - 1e9 + 1e15 // the first reading took days
		}
		return Realtime() - 1e9
	}
	if got := RealtimeAhead(clock); got < 1e9-1e8 || got > 1e9+1e8 {
		t.Errorf("a clock that is a second behind is told %v", time.Duration(got))
	}
}
