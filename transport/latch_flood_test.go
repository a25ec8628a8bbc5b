package transport

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/confd/confd/internal/clock"
)

// TestLatchedLegUnderFlood: a stranger sends as fast as it can to a latched leg; no packet
// of the peer is lost.
func TestLatchedLegUnderFlood(t *testing.T) {
	for _, policy := range []LatchPolicy{LatchNone, LatchBounded} {
		l, p := call(t, func(p *Params) { p.Latch = policy })
		p.speak()
		if poll(l, discard) != 1 {
			t.Fatal("no first packet")
		}
		stranger := newPhone(t, loopback, l.at(loopback))
		var got collector
		b := stranger.next()
		for range 50 {
			for range 400 {
				stranger.write(b)
			}
			p.speak()
			poll(l, &got)
		}
		poll(l, &got)
		if len(got.packets) != 50 || got.packets[49].Sequence != 1050 {
			t.Errorf("policy %d: %d of 50 packets after 20,000 of a stranger: %v", policy, len(got.packets), got.sequences())
		}
	}
}

// TestLatchUnderFlood: a stranger floods the port before anything is latched, with packets
// that look right, and more of them than a socket holds between two polls. The leg finds
// its peer, and from then on no packet is lost.
func TestLatchUnderFlood(t *testing.T) {
	const rounds, flooded, burst = 100, 66, 300
	for _, c := range []struct {
		name   string
		remote func(p *phone) netip.AddrPort
		limit  int // rounds that may pass before latching
	}{
		{"signalled address is right", func(p *phone) netip.AddrPort { return p.addr() }, 2},
		{"peer is behind a translator", func(*phone) netip.AddrPort { return behindNAT }, flooded},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := listen(t, loopback)
			p, stranger := newPhone(t, loopback, l.at(loopback)), newPhone(t, loopback, l.at(loopback))
			apply(t, l, bounded(c.remote(p)))
			var got collector
			latched := -1
			for i := range rounds {
				if i%2 == 0 { // in the other rounds the peer's packet finds the socket full
					p.speak()
				}
				for range burst {
					if i < flooded {
						stranger.speak()
					}
				}
				if i%2 == 1 {
					p.speak()
				}
				l.Poll(clock.Now(), 16, &got)
				if latched < 0 && l.latch.mode == latchHeld {
					latched = i
				}
				time.Sleep(10 * time.Millisecond) // the pace of voice, which latching asks for
			}
			poll(l, &got)
			if latched < 0 || latched > c.limit {
				t.Fatalf("latched in round %d, want %d at the latest; %+v", latched, c.limit, l.Stats())
			}
			if l.latch.remote != p.addr() {
				t.Fatalf("latched to %v, want %v", l.latch.remote, p.addr())
			}
			seqs := got.sequences()
			if at := slices.Index(seqs, uint16(1000+latched+1)); at < 0 || len(seqs)-at != rounds-latched-1 {
				t.Errorf("latched in round %d, then heard %v", latched, seqs)
			}
		})
	}
}
