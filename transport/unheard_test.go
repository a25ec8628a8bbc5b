package transport

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/confd/confd/internal/clock"
)

const unheardLimit = int64(DefaultUnheardTime)

// named is a leg whose peer has named the address of a phone, and the time that passes for
// it. Nothing is known of the phone's host.
type named struct {
	*Leg
	p   *phone
	now int64
}

func nameOne(t *testing.T, pool *PortPool, change ...func(*Params)) *named {
	t.Helper()
	l, err := pool.Listen(netip.IPv4Unspecified())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	n := &named{l, newPhone(t, elsewhere, l.at(loopback)), clock.Now()}
	params := talk(n.p.addr())
	params.Latch = LatchBounded
	for _, f := range change {
		f(&params)
	}
	apply(t, l, params)
	n.pass(0)
	return n
}

// pass polls after a while.
func (n *named) pass(d int64) {
	n.now += d
	n.Poll(n.now, 16, discard)
}

// sends reports whether a packet leaves.
func (n *named) sends() bool {
	before := n.Stats()
	n.Send(outgoing(n.now))
	after := n.Stats()
	sent, withheld := after.PacketsSent-before.PacketsSent, after.SendErrors.Withheld-before.SendErrors.Withheld
	if sent+withheld != 1 {
		n.p.t.Fatalf("%d packets left and %d were withheld", sent, withheld)
	}
	return sent == 1
}

// exhaust sends for as long as an unheard address may be sent to.
func (n *named) exhaust() {
	n.p.t.Helper()
	if !n.sends() {
		n.p.t.Fatal("the first packet is withheld")
	}
	n.pass(tickTime) // the time counts from here
	if n.pass(unheardLimit - 1); !n.sends() {
		n.p.t.Fatal("withheld before the time is over")
	}
	if n.pass(1); n.sends() {
		n.p.t.Fatal("sent after the time is over")
	}
}

func unheardPool(t *testing.T) *PortPool {
	t.Helper()
	listen(t, loopback) // skips where legs are not tested
	p, err := NewPortPool(30000, 30999, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if n := p.unheard.Load(); n != 0 {
			t.Errorf("%d places are taken for ever", n)
		}
	})
	return p
}

func report(t *testing.T) []byte {
	t.Helper()
	b, err := (&rtcp.ReceiverReport{SSRC: 1}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestUnheardAddress: whoever is silent is sent to for ten seconds; any valid sign of life
// from there, whenever it comes, ends that, and nothing else does.
func TestUnheardAddress(t *testing.T) {
	pool := unheardPool(t)
	for _, c := range []struct {
		name   string
		change func(*Params)
		speak  func(*named)
		goesOn bool
	}{
		{"silent", nil, func(*named) {}, false},
		{"RTP", nil, func(n *named) { n.p.speak() }, true},
		{"RTP that it does not wait for", func(p *Params) { p.Receive = false }, func(n *named) { n.p.speak() }, true},
		{"RTP, fixed address", func(p *Params) { p.Latch = LatchNone }, func(n *named) { n.p.speak() }, true},
		{"a keep-alive", nil, func(n *named) { n.p.pt = 20; n.p.speak() }, true},
		{"a report", nil, func(n *named) { newPhone(n.p.t, elsewhere, n.atControl(loopback)).write(report(t)) }, true},
		{"a report on one port", func(p *Params) { p.RTCPMux = true }, func(n *named) { n.p.write(report(t)) }, true},
		{"vouched for", nil, func(n *named) { n.Vouch(netip.MustParseAddr("::ffff:127.0.0.2")) }, true},
		{"through a translator", nil, func(n *named) {
			q := newPhone(n.p.t, third, n.at(loopback))
			for range latchRun {
				n.now += tickTime
				n.arrive(q, n.now)
			}
		}, true},
		{"another is vouched for", nil, func(n *named) { n.Vouch(loopback) }, false},
		{"nonsense", nil, func(n *named) { n.p.write([]byte("hello, hello")) }, false},
		{"a broken report", nil, func(n *named) { newPhone(n.p.t, elsewhere, n.atControl(loopback)).write([]byte("hello, hello")) }, false},
		{"RTP of a stranger", nil, func(n *named) { newPhone(n.p.t, third, n.at(loopback)).speak() }, false},
		{"a report of a stranger", nil, func(n *named) { newPhone(n.p.t, third, n.atControl(loopback)).write(report(t)) }, false},
		{"a key that is wrong", func(p *Params) { p.SRTP = testKeys(AEADAES128GCM) }, func(n *named) { n.p.speak() }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.change == nil {
				c.change = func(*Params) {}
			}
			late := nameOne(t, pool, c.change)
			late.exhaust()
			c.speak(late)
			for range controlTurn {
				late.pass(tickTime)
			}
			if got := late.sends(); got != c.goesOn {
				t.Errorf("sends again: %v, want %v", got, c.goesOn)
			}
			early := nameOne(t, pool, c.change)
			c.speak(early)
			early.sends()
			for range 100 {
				early.pass(unheardLimit / 10)
			}
			if got := early.sends(); got != c.goesOn {
				t.Errorf("still sends: %v, want %v", got, c.goesOn)
			}
			_, _ = late.Close(), early.Close()
		})
	}
}

// TestUnheardPauseShows: what is sent after a time of withholding is marked, and its timestamp
// tells how long that was.
func TestUnheardPauseShows(t *testing.T) {
	n := nameOne(t, unheardPool(t))
	n.exhaust()
	n.p.speak()
	n.pass(tickTime)
	n.Send(outgoing(n.now))
	first, last := n.p.readRTP(), n.p.readRTP()
	again := n.p.readRTP()
	if again.SequenceNumber != last.SequenceNumber+1 || !again.Marker || again.Timestamp-first.Timestamp < 80_000 {
		t.Errorf("after the pause:\n%v\nbefore:\n%v", again, last)
	}
}

// TestUnheardAfterReinvite: another address has to be heard anew, the same one not.
func TestUnheardAfterReinvite(t *testing.T) {
	n := nameOne(t, unheardPool(t))
	n.p.speak()
	n.pass(tickTime)
	n.sends()
	again := func(to netip.AddrPort, direction bool) {
		params := talk(to)
		params.Latch, params.Send, params.Receive = LatchBounded, direction, direction
		apply(t, n.Leg, params)
	}
	for _, hold := range []netip.AddrPort{n.p.addr(), {}} {
		again(hold, false)
		n.pass(2 * unheardLimit)
		again(n.p.addr(), true)
		if n.pass(unheardLimit); !n.sends() {
			t.Error("who was heard is not sent to after a hold")
		}
	}
	other := newPhone(t, third, n.at(loopback))
	again(other.addr(), true)
	n.exhaust()
	again(n.p.addr(), true)
	n.exhaust()
	again(other.addr(), true)
	other.speak()
	for range 3 {
		if n.pass(unheardLimit); !n.sends() {
			t.Error("the new address was heard, and is not sent to")
		}
	}
}

// TestUnheardStreams: all legs together have so many places; who finds none waits to be heard.
func TestUnheardStreams(t *testing.T) {
	pool := unheardPool(t)
	pool.LimitUnheard(time.Second, 2)
	a, b, c := nameOne(t, pool), nameOne(t, pool), nameOne(t, pool)
	if !a.sends() || !b.sends() || !a.sends() || c.sends() {
		t.Fatal("two of three may send")
	}
	a.p.speak()
	if a.pass(tickTime); !a.sends() || !c.sends() || !c.sends() {
		t.Error("who was heard keeps a place")
	}
	d := nameOne(t, pool)
	if d.sends() {
		t.Error("a third may send")
	}
	d.p.speak()
	if d.pass(tickTime); !d.sends() {
		t.Error("who is heard needs a place")
	}
	e, f, g := nameOne(t, pool), nameOne(t, pool), nameOne(t, pool)
	for _, next := range []struct {
		free func()
		who  *named
	}{
		{func() { b.pass(tickTime); b.pass(int64(time.Second)) }, e}, // its time is over
		{func() { apply(t, c.Leg, talk(behindNAT)) }, f},
		{func() { _ = e.Close(); _ = e.Close() }, g},
	} {
		if next.who.sends() {
			t.Error("there was a place already")
		}
		if next.free(); !next.who.sends() {
			t.Error("the place was not given back")
		}
	}
	for _, l := range []*named{a, b, c, d, f, g} {
		_ = l.Close()
	}
}

// TestUnheardReports: reports are bounded, too, where there is no media, and where they have
// a host of their own.
func TestUnheardReports(t *testing.T) {
	pool := unheardPool(t)
	reports := func(n *named, d int64) uint64 {
		before := n.Stats().RTCP.Sent
		for end := n.now + d; n.now < end; {
			n.pass(tickTime)
		}
		return n.Stats().RTCP.Sent - before
	}
	t.Run("held", func(t *testing.T) {
		n := nameOne(t, pool, func(p *Params) { p.Send, p.Receive = false, false })
		if reports(n, unheardLimit) == 0 {
			t.Error("no report at first")
		}
		reports(n, 10_000*ms)
		if got := reports(n, 60_000*ms); got != 0 || n.Stats().SendErrors.Withheld == 0 {
			t.Errorf("%d reports to who was never heard", got)
		}
		newPhone(t, elsewhere, n.atControl(loopback)).write(report(t))
		if reports(n, 20_000*ms) == 0 {
			t.Error("no report to who reports itself")
		}
	})
	t.Run("another host", func(t *testing.T) {
		n := nameOne(t, pool)
		victim := newPhone(t, third, n.atControl(loopback))
		params := talk(n.p.addr())
		params.Latch, params.RemoteRTCP = LatchBounded, victim.addr()
		apply(t, n.Leg, params)
		n.p.speak()
		reports(n, 2*unheardLimit)
		if got := reports(n, 60_000*ms); got != 0 {
			t.Errorf("%d reports to a host that was never heard", got)
		}
		victim.write(report(t))
		if reports(n, 20_000*ms) == 0 {
			t.Error("no report to who reports itself")
		}
	})
	t.Run("its reports do not prove media's host", func(t *testing.T) {
		n := nameOne(t, pool)
		own := newPhone(t, third, n.atControl(loopback))
		params := talk(n.p.addr())
		params.Latch, params.RemoteRTCP = LatchBounded, own.addr()
		apply(t, n.Leg, params)
		n.sends()
		for range 30 {
			own.write(report(t))
			reports(n, unheardLimit/10)
		}
		if n.Stats().RTCP.Received < 30 || n.sends() {
			t.Errorf("media goes on: %+v", n.Stats())
		}
	})
}

func TestUnheardAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	n := nameOne(t, unheardPool(t))
	o := outgoing(n.now)
	send := func() {
		n.pass(tickTime)
		n.Send(o)
	}
	if a := testing.AllocsPerRun(100, send); a != 0 {
		t.Errorf("%v allocations while it is tried", a)
	}
	n.pass(unheardLimit)
	if a := testing.AllocsPerRun(100, send); a != 0 || n.Stats().SendErrors.Withheld < 100 {
		t.Errorf("%v allocations while it is withheld", a)
	}
}
