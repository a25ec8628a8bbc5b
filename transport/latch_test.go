package transport

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/media"
)

var (
	elsewhere = netip.MustParseAddr("127.0.0.2") // another host, as far as the leg can tell
	third     = netip.MustParseAddr("127.0.0.3")
	behindNAT = netip.MustParseAddrPort("10.99.99.99:4000") // what SDP names; nothing must be heard from it
)

// ear listens on any address, so that hosts can be told apart on loopback.
func ear(t testing.TB, p Params) *Leg {
	t.Helper()
	l := listen(t, netip.IPv4Unspecified())
	apply(t, l, p)
	return l
}

// bounded are params that name remote and may latch. Nothing is sent, for remote may be
// no address of this machine.
func bounded(remote netip.AddrPort) Params {
	p := talk(remote)
	p.Latch, p.Send = LatchBounded, false
	return p
}

// arrive feeds a packet as if it had come at a time; the sockets' own tests are below.
func (l *Leg) arrive(p *phone, at int64) bool {
	m := scratches.Get().(*scratch)
	defer scratches.Put(m)
	m.data, m.from, m.truncated = p.next(), p.addr(), false
	return l.ingest(m, at, discard)
}

func TestLatchNoneHearsSignalledOnly(t *testing.T) {
	l, p := call(t, nil)
	stranger := newPhone(t, loopback, l.at(loopback))
	for range 10 {
		stranger.speak()
	}
	p.speak()
	if n := poll(l, discard); n != 1 {
		t.Errorf("polled %d, want the peer's one: %+v", n, l.Stats())
	}
}

// TestLatchNonePurges: packets of strangers that were queued before the socket was
// connected are not heard.
func TestLatchNonePurges(t *testing.T) {
	l := listen(t, loopback)
	p, stranger := newPhone(t, loopback, l.at(loopback)), newPhone(t, loopback, l.at(loopback))
	for range 5 {
		stranger.speak()
		p.speak()
	}
	apply(t, l, talk(p.addr()))
	if n := poll(l, discard); n != 5 || l.Stats().Dropped.Stranger != 5 {
		t.Errorf("polled %d, %d strangers, want 5 and 5", n, l.Stats().Dropped.Stranger)
	}
}

func TestLatchAtOnceToSignalledAddress(t *testing.T) {
	l, p := call(t, func(p *Params) { p.Latch = LatchBounded })
	p.speak()
	if n := poll(l, discard); n != 1 || !l.Stats().Latched || l.latch.mode != latchHeld || !l.latch.connected {
		t.Errorf("polled %d, %+v", n, l.latch)
	}
}

func TestLatchBehindTranslator(t *testing.T) {
	l := ear(t, bounded(behindNAT))
	p := newPhone(t, loopback, l.at(loopback))
	heard := 0
	now := clock.Now()
	for i := range int64(6) {
		if l.arrive(p, now+i*tickTime) {
			heard++
		}
	}
	if s := l.Stats(); heard != 4 || s.Remote != p.addr() || !s.Latched || s.Relatches != 0 {
		t.Errorf("%d heard, want all from the third on; %+v", heard, s)
	}
	// The answer goes where the media comes from.
	params := bounded(behindNAT)
	params.Send = true
	apply(t, l, params)
	l.Send(outgoing(0))
	p.readRTP()
}

// TestLatchThroughSocket does the same in real time, through the socket.
func TestLatchThroughSocket(t *testing.T) {
	l := ear(t, bounded(behindNAT))
	p := newPhone(t, loopback, l.at(loopback))
	heard, sent := 0, 0
	for deadline := time.Now().Add(5 * time.Second); heard == 0 && time.Now().Before(deadline); {
		p.speak()
		sent++
		time.Sleep(20 * time.Millisecond)
		heard += poll(l, discard)
	}
	if heard == 0 || sent > 6 {
		t.Errorf("latched after %d packets, %+v", sent, l.Stats())
	}
}

func TestLatchWantsPaceAndSequence(t *testing.T) {
	for _, c := range []struct {
		name  string
		feed  func(p *phone, i int64) int64 // changes the phone, returns the time since the packet before
		count int64
		heard bool
	}{
		{"voice of 20 ms", func(*phone, int64) int64 { return 20 * ms }, 3, true},
		{"voice of 10 ms", func(*phone, int64) int64 { return 10 * ms }, 4, true},
		{"voice of 10 ms, too short", func(*phone, int64) int64 { return 10 * ms }, 3, false},
		{"two packets", func(*phone, int64) int64 { return 60 * ms }, 2, false},
		{"with losses", func(p *phone, _ int64) int64 { p.seq += 5; return 100 * ms }, 3, true},
		{"flood", func(*phone, int64) int64 { return ms / 10 }, 2000, false},
		{"another SSRC each time", func(p *phone, i int64) int64 { p.ssrc = uint32(i); return 20 * ms }, 50, false},
		{"sequence at random", func(p *phone, i int64) int64 { p.seq += 1000; return 20 * ms }, 50, false},
		{"sequence stands", func(p *phone, i int64) int64 { p.seq = 5; return 20 * ms }, 50, false},
		{"payload type not negotiated", func(p *phone, i int64) int64 { p.pt = 50; return 20 * ms }, 50, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := ear(t, bounded(behindNAT))
			p := newPhone(t, loopback, l.at(loopback))
			now := clock.Now()
			for i := range c.count {
				now += c.feed(p, i)
				l.arrive(p, now)
			}
			if got := l.latch.mode == latchHeld; got != c.heard {
				t.Errorf("latched: %v, want %v", got, c.heard)
			}
		})
	}
}

// TestLatchPrefersSignalledHost: while the signalled host speaks, from whatever port,
// nobody else becomes the peer.
func TestLatchPrefersSignalledHost(t *testing.T) {
	l := ear(t, bounded(netip.MustParseAddrPort("127.0.0.1:9")))
	p := newPhone(t, loopback, l.at(loopback))
	stranger := newPhone(t, elsewhere, l.at(loopback))
	now := clock.Now()
	for i := range int64(3) {
		l.arrive(stranger, now+i*tickTime)
		if i > 0 {
			l.arrive(p, now+i*tickTime+ms)
		}
	}
	if l.latch.mode == latchHeld {
		t.Fatalf("latched to %v too early", l.latch.remote)
	}
	l.arrive(p, now+3*tickTime)
	if l.latch.remote != p.addr() {
		t.Errorf("latched to %v, want %v", l.latch.remote, p.addr())
	}
}

func TestRelatch(t *testing.T) {
	start := func(t *testing.T) (*Leg, *phone, int64) {
		l := ear(t, bounded(behindNAT))
		p := newPhone(t, loopback, l.at(loopback))
		now := clock.Now()
		for range 4 {
			now += tickTime
			l.arrive(p, now)
		}
		if l.latch.mode != latchHeld {
			t.Fatal("not latched")
		}
		return l, p, now
	}
	moved := func(l *Leg, q *phone, now int64) bool {
		l.watch(now)
		for range 5 {
			now += tickTime
			l.arrive(q, now)
		}
		return l.latch.remote == q.addr()
	}
	t.Run("not while the peer speaks", func(t *testing.T) {
		l, _, now := start(t)
		if moved(l, newPhone(t, loopback, l.at(loopback)), now+1900*ms) {
			t.Error("moved")
		}
	})
	t.Run("another port of the host after 2 s", func(t *testing.T) {
		l, _, now := start(t)
		if !moved(l, newPhone(t, loopback, l.at(loopback)), now+2000*ms) || l.Stats().Relatches != 1 {
			t.Errorf("did not move: %+v", l.Stats())
		}
	})
	t.Run("same SSRC from another host after 2 s", func(t *testing.T) {
		l, _, now := start(t)
		if !moved(l, newPhone(t, elsewhere, l.at(loopback)), now+2000*ms) {
			t.Error("did not move")
		}
	})
	t.Run("a stranger not after 2 s", func(t *testing.T) {
		l, p, now := start(t)
		q := newPhone(t, elsewhere, l.at(loopback))
		q.ssrc = 99
		if moved(l, q, now+2000*ms) {
			t.Error("moved")
		}
		if !l.arrive(p, now+2200*ms) || l.latch.mode != latchHeld || l.Stats().Relatches != 0 {
			t.Errorf("the peer came back and was not heard: %+v", l.latch)
		}
	})
	t.Run("a stranger after 10 s", func(t *testing.T) {
		l, _, now := start(t)
		q := newPhone(t, elsewhere, l.at(loopback))
		q.ssrc = 99
		if !moved(l, q, now+10_000*ms) {
			t.Error("did not move")
		}
	})
	t.Run("not on hold", func(t *testing.T) {
		l, _, now := start(t)
		held := bounded(behindNAT)
		held.Receive = false
		apply(t, l, held)
		if moved(l, newPhone(t, loopback, l.at(loopback)), now+60_000*ms) || l.latch.mode != latchHeld {
			t.Error("moved")
		}
	})
	t.Run("silence on hold does not count", func(t *testing.T) {
		l, _, now := start(t)
		held := bounded(behindNAT)
		held.Receive = false
		apply(t, l, held)
		l.heard = now - 60_000*ms
		apply(t, l, bounded(behindNAT))
		if l.watch(clock.Now() + 1000*ms); l.latch.mode != latchHeld {
			t.Error("the peer was given up a second after it may speak again")
		}
	})
	t.Run("the signalled host after 2 s", func(t *testing.T) {
		l := ear(t, bounded(netip.MustParseAddrPort("127.0.0.2:9")))
		p, q := newPhone(t, loopback, l.at(loopback)), newPhone(t, elsewhere, l.at(loopback))
		now := clock.Now()
		for range 4 {
			now += tickTime
			l.arrive(p, now)
		}
		if q.ssrc = 99; l.latch.remote != p.addr() || !moved(l, q, now+2000*ms) {
			t.Errorf("did not move: %+v", l.Stats())
		}
	})
	t.Run("eight times, then no more", func(t *testing.T) {
		l, _, now := start(t)
		for range maxRelatches {
			if now += 3000 * ms; !moved(l, newPhone(t, loopback, l.at(loopback)), now) {
				t.Fatalf("stopped after %d", l.Stats().Relatches)
			}
		}
		if now += 20_000 * ms; moved(l, newPhone(t, loopback, l.at(loopback)), now) {
			t.Error("moved once more")
		}
	})
	t.Run("a re-INVITE begins anew", func(t *testing.T) {
		l, _, now := start(t)
		q := newPhone(t, elsewhere, l.at(loopback))
		apply(t, l, bounded(q.addr()))
		if !l.arrive(q, now+tickTime) || l.latch.remote != q.addr() {
			t.Error("the new address was not heard")
		}
	})
	t.Run("a re-INVITE with the same address keeps the peer", func(t *testing.T) {
		l, p, _ := start(t)
		apply(t, l, bounded(behindNAT))
		apply(t, l, bounded(netip.MustParseAddrPort("0.0.0.0:4000"))) // hold as RFC 2543 had it
		apply(t, l, bounded(behindNAT))
		if l.latch.remote != p.addr() || l.latch.mode != latchHeld {
			t.Errorf("peer is %v", l.latch.remote)
		}
	})
}

func TestLatchSRTPNeedsKey(t *testing.T) {
	params := bounded(behindNAT)
	params.SRTP = testKeys(AEADAES128GCM)
	l := ear(t, params)
	stranger, p := newPhone(t, loopback, l.at(loopback)), newPhone(t, elsewhere, l.at(loopback))
	f := newForeign(t, params.SRTP)
	now := clock.Now()
	for i := range int64(10) {
		l.arrive(stranger, now+i*tickTime)
	}
	if l.latch.mode == latchHeld {
		t.Fatal("latched to a source without the key")
	}
	p.write(f.seal(p.next()))
	if n := poll(l, discard); n != 1 || l.latch.remote != p.addr() {
		t.Errorf("polled %d, latched to %v, want %v", n, l.latch.remote, p.addr())
	}
}

func TestLatchTrialEnds(t *testing.T) {
	l := ear(t, bounded(netip.MustParseAddrPort("127.0.0.1:9")))
	stranger := newPhone(t, elsewhere, l.at(loopback))
	for range 100 {
		stranger.speak()
	}
	now := clock.Now()
	l.Poll(now, 16, discard)
	if l.latch.mode != latchTrial {
		t.Fatalf("mode %d after a flood, want trial", l.latch.mode)
	}
	l.Poll(now+trialTime, 16, discard)
	if l.latch.mode != latchOpen {
		t.Fatalf("mode %d a second later, want open", l.latch.mode)
	}
	p := newPhone(t, third, l.at(loopback))
	for i := range int64(4) {
		l.arrive(p, now+trialTime+i*tickTime)
	}
	if l.latch.remote != p.addr() {
		t.Errorf("latched to %v, want %v", l.latch.remote, p.addr())
	}
}

// TestControlFollowsLatch: reports go to the port above the one that media comes from,
// until the peer's own reports show where they come from.
func TestControlFollowsLatch(t *testing.T) {
	params := bounded(behindNAT)
	l := ear(t, params)
	p := newPhone(t, loopback, l.at(loopback))
	now := clock.Now()
	for i := range int64(4) {
		l.arrive(p, now+i*tickTime)
	}
	if want := above(p.addr()); l.report.remote != want {
		t.Errorf("reports go to %v, want %v", l.report.remote, want)
	}
	control := newPhone(t, loopback, l.atControl(loopback))
	b, err := (&rtcp.ReceiverReport{SSRC: 1}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	control.write(b)
	for range controlTurn {
		poll(l, discard)
	}
	if l.report.remote != control.addr() || !l.report.connected {
		t.Errorf("reports go to %v, want %v", l.report.remote, control.addr())
	}
	l.sendReport(scratches.Get().(*scratch), now)
	control.read()
}

var _ media.Receiver = discard
