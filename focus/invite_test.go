package focus

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/focus/guard"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/rooms"
)

// With T1 = 20 ms and T2 = 160 ms, the 200 goes out at 0, 20, 60, 140, 300, 460 ... 1260
// ms: eleven times, and at 1280 ms the call ends.
func TestNoACK(t *testing.T) {
	for i, transport := range []string{"UDP", "TCP"} {
		t.Run(transport, func(t *testing.T) {
			s := start(t, withListen(Listen{"udp", "127.0.0.1:0"}, Listen{"tcp", "127.0.0.1:0"}))
			p := dial(t, transport, s.addr(i))
			p.invite("", offer(p.local, "sendrecv"))
			s.only().checkGaps(t)
			times := 1
			var bye *sip.Request
			for bye == nil {
				switch m := p.next().(type) {
				case *sip.Request:
					bye = m
				case *sip.Response:
					times++
				}
			}
			if times < 3 || times > 11 { // a machine that is busy leaves some out
				t.Errorf("the 200 was sent %d times, want about 11", times)
			}
			if bye.Method != sip.BYE || !strings.Contains(header(t, bye, "Reason"), "cause=408") {
				t.Errorf("got\n%s\nwant BYE with Reason", bye)
			}
			p.answer(bye, 200, "", "")
			s.settled()
			if st := s.Stats(); st.NoACK != 1 || st.Resent != uint64(times-1) {
				t.Errorf("counted %d without ACK, %d resent; want 1, %d", st.NoACK, st.Resent, times-1)
			}
		})
	}
}

// checkGaps fails the test unless the gaps between the 200s double up to T2.
func (d *dialog) checkGaps(t *testing.T) {
	t.Helper()
	for want := uint64(0); want < 3; want++ {
		wait.For(t, "the 200 to be resent", func() bool { return d.agent.Stats().Resent >= want })
		d.mu.Lock()
		if w, n := d.ack, d.agent.Stats().Resent; w != nil && w.every != min(sip.T1<<n, sip.T2) {
			t.Errorf("the 200 was resent %d times and is due again after %v", n, w.every)
		}
		d.mu.Unlock()
	}
}

func TestACKEndsResending(t *testing.T) {
	for name, ack := range map[string]func(p *peer){
		"own branch":           func(p *peer) { p.ack("") },
		"branch of the INVITE": func(p *peer) { p.send(p.buildBranch(p.branch, "ACK", p.cseq, "", "")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			p := dial(t, "UDP", s.addr(0))
			p.invite("", offer(p.local, "sendrecv"))
			ack(p)
			s.only().confirmed(t)
			resent := s.Stats().Resent
			p.expect(200, p.request("OPTIONS", "", ""))
			if n := s.Stats().Resent; n != resent {
				t.Errorf("resent %d times after the ACK", n-resent)
			}
			p.expect(200, p.request("BYE", "", ""))
		})
	}
}

func TestRepeatedInviteIsAbsorbed(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	invite := p.request("INVITE", "", offer(p.local, "sendrecv"))
	first := p.expect(200, invite)
	p.to, _ = first.To().Params.Get("tag")
	p.ack("")
	s.only().confirmed(t)
	p.send(invite)
	p.send(invite)
	p.expect(200, p.request("BYE", "", ""))
	p.send(invite) // the transaction lives on: no second call (RFC 6026)
	p.expect(481, p.request("OPTIONS", "", ""))
	if st := s.Stats(); st.Requests["INVITE"] != 1 || st.Answered != 1 {
		t.Errorf("%d INVITEs handled, %d answered; want 1, 1", st.Requests["INVITE"], st.Answered)
	}
	s.settled()
}

func TestForkedInvite(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	p.send(p.request("INVITE", "", offer(p.local, "sendrecv")))
	res := p.final()
	p.expect(482, p.build("INVITE", p.cseq, "", offer(p.local, "sendrecv")))
	p.send(p.buildBranch(p.branch, "ACK", p.cseq, "", ""))
	p.to, _ = res.To().Params.Get("tag")
	p.ack("")
	p.expect(200, p.request("BYE", "", ""))
	if s.Stats().Merged != 1 {
		t.Errorf("merged: %d", s.Stats().Merged)
	}
}

func TestCancelBeforeTheAnswer(t *testing.T) {
	gate, reached := make(chan struct{}), make(chan struct{}, 1)
	s := start(t, func(c *Config) {
		c.Trusted = func(netip.Addr) bool { reached <- struct{}{}; <-gate; return true }
	})
	p := dial(t, "UDP", s.addr(0))
	p.send(p.request("INVITE", "", offer(p.local, "sendrecv")))
	invite := p.branch
	<-reached
	p.send(p.buildBranch(invite, "CANCEL", p.cseq, "", ""))
	codes := map[string]int{}
	for len(codes) < 2 {
		if res, ok := p.next().(*sip.Response); ok && !res.IsProvisional() {
			codes[string(res.CSeq().MethodName)] = res.StatusCode
		}
	}
	if codes["CANCEL"] != 200 || codes["INVITE"] != 487 {
		t.Errorf("answers are %v, want 200 to CANCEL and 487 to INVITE", codes)
	}
	p.send(p.buildBranch(invite, "ACK", p.cseq, "", ""))
	close(gate)
	s.settled()
	if s.Stats().Answered != 0 {
		t.Error("a cancelled call was answered")
	}
}

func TestCancelTooLate(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	p.send(p.request("INVITE", "", offer(p.local, "sendrecv")))
	res := p.final()
	p.expect(200, p.buildBranch(p.branch, "CANCEL", p.cseq, "", ""))
	p.to, _ = res.To().Params.Get("tag")
	p.ack("")
	s.only().confirmed(t)
	p.expect(200, p.request("BYE", "", ""))
}

func TestMultipartOffer(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	body := "--b1\nContent-Type: text/plain\n\nhello\n--b1\nContent-Type: multipart/alternative; boundary=b2\n\n" +
		"--b2\nContent-Type: application/sdp\n\n" + offer(p.local, "sendrecv") + "\n--b2--\n\n--b1--\n"
	p.invite("Content-Type: multipart/mixed;boundary=\"b1\"\n", body)
	p.ack("")
	s.only().confirmed(t)
	p.expect(200, p.request("BYE", "", ""))
}

func TestTelephoneNumberIsARoom(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	invite := strings.Replace(p.request("INVITE", "", offer(p.local, "sendrecv")), "INVITE sip:"+p.room+"@"+p.remote, "INVITE tel:+1-201-555-0123;x=y", 1)
	p.expect(200, invite)
	if e := s.await(rooms.ParticipantJoined); e.Room != "+12015550123" {
		t.Errorf("joined %q", e.Room)
	}
}

func TestOverload(t *testing.T) {
	s := start(t, func(c *Config) { c.Load = func() float64 { return 0.85 } })
	p := dial(t, "UDP", s.addr(0))
	res := p.expect(503, p.request("INVITE", "", offer(p.local, "sendrecv")))
	header(t, res, "Retry-After")
	if n := s.Stats().Refused["load"]; n != 1 {
		t.Errorf("refused for load: %d", n)
	}
}

func TestCallLimit(t *testing.T) {
	s := start(t, func(c *Config) { c.MaxCalls = 1 })
	p, q := dial(t, "UDP", s.addr(0)), dial(t, "UDP", s.addr(0))
	p.call("")
	header(t, q.expect(503, q.request("INVITE", "", offer(q.local, "sendrecv"))), "Retry-After")
}

func TestRateOfASource(t *testing.T) {
	s := start(t, func(c *Config) {
		l := guard.DefaultLimits()
		l.Trusted, l.Calls, l.CallDebt = nil, guard.Rate{PerSecond: 0.001, Burst: 2}, 1
		c.Guard, _ = guard.New(l, nil)
	})
	codes := map[int]int{}
	for range 4 {
		p := dial(t, "UDP", s.addr(0))
		p.send(p.request("INVITE", "", offer(p.local, "sendrecv")))
		codes[p.final().StatusCode]++
	}
	if codes[200] != 2 || codes[503] != 2 {
		t.Errorf("answers are %v, want twice 200 and twice 503", codes)
	}
	p := dial(t, "UDP", s.addr(0))
	p.send(p.request("INVITE", "", offer(p.local, "sendrecv")))
	p.expect(200, p.request("OPTIONS", "", "")) // and nothing to the INVITE
}

// The room may take a caller out before its ACK: BYE waits for that (RFC 3261 section 15).
func TestRemovalBeforeACK(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	p.invite("", offer(p.local, "sendrecv"))
	e := s.await(rooms.ParticipantJoined)
	if err := s.registry.CloseRoom(short(t), e.Room, rooms.Reason{Code: rooms.ReasonRoomClosed}); err != nil {
		t.Fatal(err)
	}
	d := s.only()
	wait.For(t, "the call to end", func() bool { d.mu.Lock(); defer d.mu.Unlock(); return d.goodbye != nil })
	p.ack("")
	bye := p.await(sip.BYE)
	if got := header(t, bye, "Reason"); got != `SIP;cause=410;text="Conference ended"` {
		t.Errorf("Reason is %s", got)
	}
	p.answer(bye, 200, "", "")
	s.settled()
}

func TestByeRightBehindACK(t *testing.T) {
	s := start(t, withListen(Listen{"tcp", "127.0.0.1:0"}))
	for range 20 {
		p := dial(t, "TCP", s.addr(0))
		p.invite("", offer(p.local, "sendrecv"))
		p.send(p.build("ACK", p.cseq, "", "") + p.request("BYE", "", ""))
		if res := p.final(); res.StatusCode != 200 {
			t.Fatalf("BYE got %d", res.StatusCode)
		}
	}
	s.settled()
	if n := s.Stats().NoACK; n != 0 {
		t.Errorf("%d calls without ACK", n)
	}
}

func TestCloseWithCallsInEveryState(t *testing.T) {
	s := start(t)
	p, q := dial(t, "UDP", s.addr(0)), dial(t, "UDP", s.addr(0))
	p.call("")
	q.invite("", offer(q.local, "sendrecv"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	p.await(sip.BYE)
	q.await(sip.BYE)
	if s.dialogs.size() != 0 || s.pool.InUse() != 0 {
		t.Errorf("%d dialogs and %d port pairs are left", s.dialogs.size(), s.pool.InUse())
	}
	if err := s.Start(); err != ErrClosed {
		t.Errorf("start after close: %v", err)
	}
	if err := s.Drain(context.Background()); err != nil {
		t.Errorf("drain after close: %v", err)
	}
}
