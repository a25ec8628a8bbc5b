package focus

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/rooms"
)

func TestHoldAndResume(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	p.call("")
	d := s.only().confirmed(t)
	for i, c := range []struct {
		method, want string
		held         bool
	}{
		{"sendonly", "recvonly", true},
		{"sendrecv", "sendrecv", false},
		{"inactive", "inactive", true},
		{"sendrecv", "sendrecv", false},
	} {
		method := []string{"INVITE", "UPDATE"}[i/2]
		res := p.expect(200, p.request(method, "", offer(p.local, c.method)))
		if method == "INVITE" {
			p.ack("")
		}
		if !strings.Contains(string(res.Body()), "a="+c.want) {
			t.Errorf("%s %s: answer is\n%s\nwant %s", method, c.method, res.Body(), c.want)
		}
		if n := d.negotiated(); n.RemoteHold != c.held || receiveConfig(n).Held != c.held {
			t.Errorf("%s %s: held is %v, want %v", method, c.method, n.RemoteHold, c.held)
		}
		d.confirmedAgain(t)
	}
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
}

// confirmedAgain waits until no 200 lacks its ACK.
func (d *dialog) confirmedAgain(t *testing.T) {
	t.Helper()
	wait.For(t, "the ACK", func() bool { return !d.waitsForACK() })
}

func TestFailedReinviteChangesNothing(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	p.call("")
	d := s.only().confirmed(t)
	before := *d.negotiated()
	for _, method := range []string{"INVITE", "UPDATE"} {
		p.expect(488, p.request(method, "", strings.Replace(offer(p.local, "sendrecv"), "0 8 101", "18", 1)))
		if method == "INVITE" {
			p.send(p.buildBranch(p.branch, "ACK", p.cseq, "", ""))
		}
		if after := d.negotiated(); after == nil || !after.Equal(&before) {
			t.Errorf("a refused %s has changed the session", method)
		}
	}
	p.expect(200, p.request("BYE", "", ""))
}

func TestCodecAndAddressChange(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	p.call("")
	d := s.only().confirmed(t)
	body := strings.NewReplacer("40000", "41000", "0 8 101", "9").Replace(offer(p.local, "sendrecv"))
	p.expect(200, p.request("INVITE", "", body))
	p.ack("")
	if n := d.negotiated(); n.RemoteRTP.Port() != 41000 || n.Send.Codec.String() != "G722" {
		t.Errorf("negotiated %s to %s", n.Send, n.RemoteRTP)
	}
	p.expect(200, p.request("BYE", "", ""))
}

func TestReinviteWithoutOffer(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	p.call("")
	d := s.only().confirmed(t)
	res := p.expect(200, p.request("INVITE", "", ""))
	if !strings.Contains(string(res.Body()), "m=audio") {
		t.Fatal("the 200 has no offer")
	}
	p.send(p.build("ACK", p.cseq, "", strings.Replace(offer(p.local, "sendrecv"), "0 8 101", "8", 1)))
	wait.For(t, "the answer to take effect", func() bool { return d.negotiated().Send.Codec.String() == "PCMA" })
	p.expect(200, p.request("BYE", "", ""))
}

func TestTargetRefresh(t *testing.T) {
	s := start(t)
	p, q := dial(t, "UDP", s.addr(0)), dial(t, "UDP", s.addr(0))
	p.call("")
	d := s.only().confirmed(t)
	p.contact = q.local
	p.expect(200, p.request("UPDATE", "", ""))
	d.End(rooms.Reason{Code: rooms.ReasonRemoved})
	bye := q.await(sip.BYE)
	if got := bye.Recipient.String(); !strings.Contains(got, q.local) {
		t.Errorf("Request-URI is %s, want the new Contact %s", got, q.local)
	}
	q.answer(bye, 200, "", "")
	s.settled()
}

func TestRequestsOutOfOrder(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	p.call("")
	s.only().confirmed(t)
	// Later first: it waits for the one before.
	first, second := p.cseq+1, p.cseq+2
	p.send(p.build("INFO", second, "", ""))
	p.send(p.build("INFO", first, "", ""))
	got := map[uint32]int{}
	for len(got) < 2 {
		if res, ok := p.next().(*sip.Response); ok && res.CSeq().MethodName == sip.INFO {
			got[res.CSeq().SeqNo] = res.StatusCode
		}
	}
	if got[uint32(first)] != 200 || got[uint32(second)] != 200 {
		t.Errorf("answers are %v, want 200 to both", got)
	}
	p.cseq = second
	p.expect(500, p.build("INFO", first, "", ""))
	p.expect(200, p.request("BYE", "", ""))
}

func TestInviteWhileAnotherIsHandled(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	p.call("")
	d := s.only().confirmed(t)
	d.mu.Lock()
	p.send(p.request("INVITE", "", offer(p.local, "sendrecv")))
	wait.For(t, "the INVITE to arrive", d.inviting.Load)
	res := p.expect(500, p.build("INVITE", p.cseq+1, "", offer(p.local, "sendrecv")))
	header(t, res, "Retry-After")
	p.send(p.buildBranch(p.branch, "ACK", p.cseq+1, "", ""))
	d.mu.Unlock()
	p.pending = fmt.Sprint(p.cseq, " INVITE")
	if res := p.final(); res.StatusCode != 200 {
		t.Errorf("the first INVITE got %d", res.StatusCode)
	}
	p.ack("")
	d.confirmedAgain(t)
	p.cseq++
	p.expect(200, p.request("BYE", "", ""))
}

// A peer without UPDATE is refreshed by re-INVITE; meanwhile its own gets 491.
func TestRefreshByInviteAndGlare(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	res := p.call("Supported: timer\n")
	if got := header(t, res, "Session-Expires"); got != "1800;refresher=uas" {
		t.Errorf("Session-Expires is %s", got)
	}
	d := s.only().confirmed(t)
	d.refreshSoon()
	invite := p.await(sip.INVITE)
	if got := header(t, invite, "Session-Expires"); got != "1800;refresher=uac" {
		t.Errorf("Session-Expires is %s", got)
	}
	if !strings.Contains(string(invite.Body()), "m=audio") || !strings.Contains(header(t, invite, "Contact"), "isfocus") {
		t.Errorf("the refresh is\n%s", invite)
	}
	p.expect(491, p.request("INVITE", "", offer(p.local, "sendrecv")))
	p.send(p.buildBranch(p.branch, "ACK", p.cseq, "", ""))
	p.expect(491, p.request("UPDATE", "", offer(p.local, "sendrecv")))
	p.expect(200, p.request("UPDATE", "", ""))
	p.answer(invite, 200, "Session-Expires: 1800;refresher=uac\nContact: <sip:x@"+p.local+">\n", offer(p.local, "sendrecv"))
	ack := p.await(sip.ACK)
	if ack.CSeq().SeqNo != invite.CSeq().SeqNo {
		t.Errorf("ACK has CSeq %v, INVITE %v", ack.CSeq(), invite.CSeq())
	}
	p.answer(invite, 200, "", offer(p.local, "sendrecv"))
	if again := p.await(sip.ACK); again.CSeq().SeqNo != invite.CSeq().SeqNo {
		t.Errorf("the repeated 200 got ACK %v", again.CSeq())
	}
	wait.For(t, "the refresh to end", func() bool { d.mu.Lock(); defer d.mu.Unlock(); return !d.asking })
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
}

// refreshSoon has the refresh come at once.
func (d *dialog) refreshSoon() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.armTimer(time.Millisecond)
}

func TestRefreshByUpdate(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	p.call("Supported: timer\nAllow: INVITE, UPDATE\n")
	d := s.only().confirmed(t)
	d.refreshSoon()
	update := p.await(sip.UPDATE)
	if len(update.Body()) != 0 {
		t.Error("the refresh has a body")
	}
	p.answer(update, 200, "Session-Expires: 600;refresher=uas\nRequire: timer\n", "")
	wait.For(t, "the peer to be refresher", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return !d.session.ours && d.session.interval == 600*time.Second
	})
	p.expect(200, p.request("BYE", "", ""))
}

func TestRefreshRefused(t *testing.T) {
	for name, c := range map[string]struct {
		code  int
		extra string
		ends  bool
	}{
		"gone":               {481, "", true},
		"timeout":            {408, "", true},
		"interval too small": {422, "Min-SE: 3600\n", false},
		"glare":              {491, "", false},
		"not implemented":    {501, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			p := dial(t, "UDP", s.addr(0))
			p.call("Supported: timer\nAllow: INVITE, UPDATE\n")
			d := s.only().confirmed(t)
			d.refreshSoon()
			p.answer(p.await(sip.UPDATE), c.code, c.extra, "")
			if c.ends {
				p.answer(p.await(sip.BYE), 200, "", "")
				s.settled()
				return
			}
			next := sip.UPDATE
			if c.code == 501 {
				next = sip.INVITE
			}
			again := p.await(next)
			if c.code == 422 && header(t, again, "Session-Expires") != "3600;refresher=uac" {
				t.Errorf("Session-Expires is %s", header(t, again, "Session-Expires"))
			}
			p.expect(200, p.request("BYE", "", ""))
		})
	}
}

func TestSessionExpires(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	res := p.call("Supported: timer\nSession-Expires: 90\n")
	if got := header(t, res, "Session-Expires") + " " + header(t, res, "Require"); got != "90;refresher=uac timer" {
		t.Errorf("Session-Expires and Require are %q", got)
	}
	d := s.only().confirmed(t)
	d.refreshSoon() // the peer should have
	bye := p.await(sip.BYE)
	if got := header(t, bye, "Reason"); !strings.Contains(got, "Session timer expired") {
		t.Errorf("Reason is %s", got)
	}
	p.answer(bye, 200, "", "")
	s.settled()
	if s.Stats().Expired != 1 {
		t.Errorf("expired: %d", s.Stats().Expired)
	}
}

func TestPeerRefreshes(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	p.call("Supported: timer\nSession-Expires: 90\n")
	d := s.only().confirmed(t)
	armed := func() uint64 { d.mu.Lock(); defer d.mu.Unlock(); return d.session.armed }
	before := armed()
	res := p.expect(200, p.request("UPDATE", "Supported: timer\nSession-Expires: 100;refresher=uac\n", ""))
	if got := header(t, res, "Session-Expires"); got != "100;refresher=uac" {
		t.Errorf("Session-Expires is %s", got)
	}
	if armed() == before {
		t.Error("the timer was not started anew")
	}
	p.expect(200, p.request("BYE", "", ""))
}

func TestInfoDigits(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	p.call("")
	s.only().confirmed(t)
	p.expect(200, p.request("INFO", "Content-Type: application/dtmf-relay\n", "Signal=5\nDuration=160\n"))
	if e := s.await(rooms.DigitPressed); e.Digit != '5' || e.Duration != 160*time.Millisecond {
		t.Errorf("digit %c for %v", e.Digit, e.Duration)
	}
	p.expect(200, p.request("INFO", "Content-Type: application/dtmf\n", "#"))
	if e := s.await(rooms.DigitPressed); e.Digit != '#' {
		t.Errorf("digit %c", e.Digit)
	}
	p.expect(200, p.request("INFO", "", ""))
	p.expect(400, p.request("INFO", "Content-Type: application/dtmf-relay\n", "Signal=99\n"))
	header(t, p.expect(415, p.request("INFO", "Content-Type: text/html\n", "x")), "Accept")
	p.expect(469, p.request("INFO", "Info-Package: conference\n", ""))
	p.expect(200, p.request("BYE", "", ""))
}

func TestSilentPeerIsProbed(t *testing.T) {
	s := start(t, func(c *Config) { c.Silence = 60 * time.Millisecond })
	p := dial(t, "UDP", s.addr(0))
	p.call("")
	s.only().confirmed(t)
	p.answer(p.await(sip.OPTIONS), 405, "", "") // alive: any answer says so
	for {                                       // repetitions of the first
		req := p.await(sip.OPTIONS)
		if req.CSeq().SeqNo > 1 {
			p.answer(req, 481, "", "")
			break
		}
	}
	bye := p.await(sip.BYE)
	if got := header(t, bye, "Reason"); !strings.Contains(got, "No answer to probe") {
		t.Errorf("Reason is %s", got)
	}
	p.answer(bye, 200, "", "")
	s.settled()
}

func TestDeadPeerIsNoticed(t *testing.T) {
	s := start(t, func(c *Config) { c.Silence = 50 * time.Millisecond })
	p := dial(t, "UDP", s.addr(0))
	p.call("")
	s.settled()
	if n := s.Stats().Unreachable; n != 2 { // the probe and the BYE
		t.Errorf("unreachable: %d, want 2", n)
	}
}
