package sap

import (
	"net/netip"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/multicast/socket"
)

func TestPace(t *testing.T) {
	p, now := pace{}, time.Unix(1e9, 0)
	for round := range 2 {
		for i := range maxRate - 1 {
			if d := p.pause(now); d != 0 {
				t.Fatalf("round %d: a pause of %v after %d", round, d, i+1)
			}
		}
		now = now.Add(300 * time.Millisecond)
		if d := p.pause(now); d != 700*time.Millisecond {
			t.Errorf("round %d: a pause of %v; want what is left of the second", round, d)
		}
		now = now.Add(700 * time.Millisecond)
	}
}

// A full table is looked through once a second, however many new names come.
func TestFullTableIsTidiedOnceASecond(t *testing.T) {
	now := time.Unix(1e9, 0)
	h := heard{at: map[name]time.Time{}}
	take := func(hash int) bool { return h.take(&Packet{Source: four, Hash: uint16(hash)}, now) }
	for i := range maxHeard {
		if !take(i) {
			t.Fatalf("no room after %d", i)
		}
	}
	if take(maxHeard) || !take(0) {
		t.Error("past the limit a name is taken, or a known one is not")
	}
	for n := range h.at {
		h.at[n] = now.Add(-2 * forget)
	}
	if now = now.Add(time.Second - 1); take(maxHeard) {
		t.Error("the table was looked through again within a second")
	}
	if now = now.Add(1); !take(maxHeard) || h.len() != 1 {
		t.Errorf("%d are left after a second; want the new one", h.len())
	}
}

// Of a flood 1,000 datagrams a second are read; what the kernel drops of it is counted.
func TestFloodIsReadSlowly(t *testing.T) {
	leak.Check(t)
	port := freePort(t)
	a := announcer(t, Config{Port: port})
	own := session(t, "239.255.1.1")
	announce(t, a, own)
	out, err := socket.OpenSender(socket.SenderConfig{Group: netip.AddrPortFrom(local, uint16(port)), Path: own.Path})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	begin := time.Now()
	wait.For(t, "a flood to be dropped", func() bool {
		for range 50 {
			out.Send([]byte("flood"))
		}
		return a.Stats().Dropped > 0
	})
	s := a.Stats()
	if most := maxRate * uint64(2+time.Since(begin).Seconds()); s.Refused > most {
		t.Errorf("%+v: want at most %d read", s, most)
	}
}
