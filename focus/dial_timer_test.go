package focus

import (
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/rooms"
)

func dialRequest(w *watcher, to string) rooms.DialRequest {
	return rooms.DialRequest{To: to, Room: w.room, ParticipantID: "p1"}
}

// 422 says how long the session has to be at least (RFC 4028 section 7.4).
func TestSessionIntervalTooSmall(t *testing.T) {
	leak.Check(t)
	s := start(t)
	c := listen(t, "UDP")
	_, w := s.call(c)
	c.answer(c.expect(sip.INVITE), 422, "b", "Min-SE: 3600\n", "")
	again := c.await(sip.INVITE)
	if se, min := header(t, again, "Session-Expires"), header(t, again, "Min-SE"); se != "3600" || min != "3600" {
		t.Errorf("Session-Expires is %s, Min-SE %s", se, min)
	}
	c.answer(again, 422, "b", "Min-SE: 3600\n", "") // it has been told
	if f := w.failure(); f.Outcome != rooms.OutcomeFailed || f.Status != 422 {
		t.Errorf("the room was told %+v", f)
	}
	s.undialled()
}

// A callee that never has enough is given up on.
func TestEndlessRetries(t *testing.T) {
	s := start(t)
	c := listen(t, "UDP")
	_, w := s.call(c)
	for i := range maxRetryHistory {
		c.answer(c.await(sip.INVITE), 422, "b", "Min-SE: "+strings.Repeat("9", 3)+string(rune('0'+i))+"\n", "")
	}
	if f := w.failure(); f.Outcome != rooms.OutcomeFailed || f.Text != errTooOften.Error() {
		t.Errorf("the room was told %+v", f)
	}
	s.undialled()
}

// Whoever the 200 names refreshes: we by UPDATE or INVITE, as the callee's Allow has it; and
// if it should have and did not, the call ends.
func TestSessionTimerOfDialOut(t *testing.T) {
	leak.Check(t)
	for name, c := range map[string]struct {
		extra  string
		method sip.RequestMethod
	}{
		"UPDATE": {"Allow: UPDATE\nSession-Expires: 90;refresher=uac\n", sip.UPDATE},
		"INVITE": {"Session-Expires: 90\n", sip.INVITE},
		"peer":   {"Session-Expires: 90;refresher=uas\n", sip.BYE},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			callee := listen(t, "UDP")
			_, w := s.call(callee)
			invite := callee.expect(sip.INVITE)
			callee.pickUp(invite, "b", c.extra)
			w.participant()
			d := s.only()
			d.mu.Lock()
			if d.session.interval != 90*time.Second || d.session.ours != (c.method != sip.BYE) {
				t.Errorf("the session is %+v", d.session)
			}
			d.armTimer(0)
			d.mu.Unlock()
			req := callee.await(c.method)
			if c.method == sip.BYE {
				callee.answer(req, 200, "", "", "")
				s.undialled()
				return
			}
			if se := header(t, req, "Session-Expires"); se != "90;refresher=uac" {
				t.Errorf("Session-Expires is %s", se)
			}
			if c.method == sip.INVITE {
				if !strings.Contains(string(req.Body()), "m=audio") || req.To().Value() != "<sip:bob@127.0.0.1>;tag=b" {
					t.Errorf("the refresh is\n%s", req)
				}
				callee.answer(req, 200, "", "Session-Expires: 90;refresher=uac\n", offer(callee.addr.String(), "sendrecv"))
				callee.await(sip.ACK)
			} else {
				callee.answer(req, 200, "", "Session-Expires: 90;refresher=uac\n", "")
			}
			wait.For(t, "the timer to start anew", func() bool {
				d.mu.Lock()
				defer d.mu.Unlock()
				return d.session.timer != nil && !d.asking
			})
			callee.request(invite, "b", "BYE", 7, "", "")
			s.undialled()
		})
	}
}

// A callee that has fallen silent is asked, and hung up on if it is gone.
func TestSilentCallee(t *testing.T) {
	s := start(t, func(c *Config) { c.Silence = 50 * time.Millisecond })
	c := listen(t, "UDP")
	_, w := s.call(c)
	c.pickUp(c.expect(sip.INVITE), "b", "")
	w.participant()
	c.answer(c.await(sip.OPTIONS), 481, "", "", "")
	c.answer(c.await(sip.BYE), 481, "", "", "")
	s.undialled()
}

// Requests within the call take the way that the 200 recorded, from our end (RFC 3261
// section 12.1.2).
func TestRouteOfDialOut(t *testing.T) {
	s := start(t)
	c, proxy := listen(t, "UDP"), listen(t, "UDP")
	_, w := s.call(c)
	c.answer(c.expect(sip.INVITE), 200, "b",
		"Record-Route: <sip:far.example.com;lr>, <sip:"+proxy.addr.String()+";lr>\n", offer(c.addr.String(), "sendrecv"))
	ack := proxy.await(sip.ACK)
	route := ack.GetHeaders("Route")
	if len(route) != 2 || !strings.Contains(route[0].Value(), proxy.addr.String()) || !strings.Contains(route[1].Value(), "far") {
		t.Errorf("the ACK goes\n%s", ack)
	}
	w.participant()
	s.only().End(bored)
	bye := proxy.await(sip.BYE)
	proxy.answer(bye, 200, "", "", "")
	s.undialled()
}

// By way of a trunk: to its address, by its transport, with its caller.
func TestDialByTrunk(t *testing.T) {
	trunk := listen(t, "TCP")
	for name, all := range map[string]bool{"number": false, "proxy": true} {
		t.Run(name, func(t *testing.T) {
			s := start(t, withListen(Listen{"tcp", "127.0.0.1:0"}), func(c *Config) {
				c.Trunk = Trunk{Address: trunk.addr.String() + ";transport=tcp", Username: "u", Password: "p", From: "4930", All: all}
			})
			w := s.watcher()
			to, wantURI := "tel:+1-2", "sip:+12@"+trunk.addr.String()+";user=phone"
			if all {
				to, wantURI = "sip:b@nowhere.invalid", "sip:b@nowhere.invalid"
			}
			if _, err := s.Dial(t.Context(), dialRequest(w, to), w); err != nil {
				t.Fatal(err)
			}
			invite := trunk.await(sip.INVITE)
			if invite.Recipient.String() != wantURI || !strings.HasPrefix(invite.From().Value(), "<sip:4930@127.0.0.1>") {
				t.Errorf("the INVITE is\n%s", invite)
			}
			if routes := invite.GetHeaders("Route"); all != (len(routes) == 1) {
				t.Errorf("there are %d routes", len(routes))
			}
			chal := challenge{407, "t", "n", "", ""}
			trunk.answer(invite, 407, "b", chal.header(), "")
			invite = trunk.await(sip.INVITE)
			chal.checkProof(t, invite, "u", "p")
			trunk.answer(invite, 603, "b", "", "")
			if f := w.failure(); f.Outcome != rooms.OutcomeDeclined {
				t.Errorf("the room was told %+v", f)
			}
			s.undialled()
		})
	}
}
