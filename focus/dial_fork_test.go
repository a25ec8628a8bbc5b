package focus

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/rooms"
)

// Two branches ring, one of them with early media; the first to answer is in, whoever comes
// later is hung up on, and each 2xx gets its ACK as often as it comes.
func TestForks(t *testing.T) {
	leak.Check(t)
	s := start(t)
	c := listen(t, "UDP")
	_, w := s.call(c)
	invite := c.expect(sip.INVITE)
	c.answer(invite, 180, "a", "", "")
	if receive(t, w.ringing, "ringing") {
		t.Error("180 is taken for early media")
	}
	c.answer(invite, 183, "b", "", offer(c.addr.String(), "sendrecv"))
	if !receive(t, w.ringing, "early media") {
		t.Error("183 with a description is not taken for early media")
	}
	c.answer(invite, 180, "a", "", "")
	if n := s.dialogs.size(); n != 2 {
		t.Errorf("there are %d early dialogs, want 2", n)
	}
	ack := c.pickUp(invite, "b", "")
	w.participant()
	if tag, _ := ack.To().Params.Get("tag"); tag != "b" {
		t.Errorf("the ACK is for %s", tag)
	}
	wait.For(t, "the other early dialog to go", func() bool { return s.dialogs.size() == 1 })
	c.answer(invite, 200, "b", "", offer(c.addr.String(), "sendrecv"))
	if tag, _ := c.expect(sip.ACK).To().Params.Get("tag"); tag != "b" {
		t.Errorf("the ACK of the repeated 200 is for %s", tag)
	}
	for _, tag := range []string{"a", "c"} {
		for again := range 2 {
			c.answer(invite, 200, tag, "", offer(c.addr.String(), "sendrecv"))
			if got, _ := c.expect(sip.ACK).To().Params.Get("tag"); got != tag {
				t.Errorf("the ACK is for %s, want %s", got, tag)
			}
			if again == 0 {
				bye := c.expect(sip.BYE)
				if got, _ := bye.To().Params.Get("tag"); got != tag || !strings.Contains(header(t, bye, "Reason"), "elsewhere") {
					t.Errorf("BYE is\n%s", bye)
				}
				c.answer(bye, 200, "", "", "")
			}
		}
	}
	wait.For(t, "the losers to go", func() bool { return s.dialogs.size() == 1 })
	if len(w.ringing) != 0 || len(w.failed) != 0 {
		t.Error("the room was told more")
	}
	c.request(invite, "b", "BYE", 0, "", "") // CSeq may begin at 0
	if code := c.code(); code != 200 {
		t.Errorf("BYE got %d", code)
	}
	s.undialled()
}

// Nobody can have us keep any number of dialogs.
func TestForksAreBounded(t *testing.T) {
	s := start(t)
	c := listen(t, "UDP")
	out, w := s.call(c)
	invite := c.expect(sip.INVITE)
	for i := range maxForks + 10 {
		c.answer(invite, 180, "tag"+strings.Repeat("x", i), "", "")
	}
	receive(t, w.ringing, "ringing")
	wait.For(t, "the dialogs", func() bool { return s.dialogs.size() == maxForks })
	out.Cancel(rooms.Reason{Code: rooms.ReasonRemoved})
	c.answer(c.await(sip.CANCEL), 200, "t", "", "")
	c.answer(invite, 487, "t", "", "")
	s.undialled()
	if n := s.dialogs.size(); n != 0 {
		t.Errorf("%d dialogs are left", n)
	}
}

// CANCEL waits for a provisional response, is the INVITE's twin, and tells why.
func TestCancel(t *testing.T) {
	leak.Check(t)
	s := start(t)
	c := listen(t, "UDP")
	out, w := s.call(c)
	invite := c.expect(sip.INVITE)
	out.Cancel(rooms.Reason{Code: rooms.ReasonRemoved, Text: "changed our mind"})
	if f := w.failure(); f.Outcome != rooms.OutcomeCancelled || !strings.Contains(f.Text, "changed our mind") {
		t.Errorf("the room was told %+v", f)
	}
	if s.pool.InUse() != 0 {
		t.Error("the ports are still taken")
	}
	for n := range 3 { // answers come, but no CANCEL with them
		c.request(invite, "none", "OPTIONS", n+1, "", "")
		if m, ok := c.next().(*sip.Response); !ok {
			t.Fatalf("got\n%v\nbefore the callee has said anything", m)
		}
	}
	c.answer(invite, 180, "b", "", "")
	cancel := c.expect(sip.CANCEL)
	if cancel.Recipient.String() != invite.Recipient.String() || cancel.Via().Value() != invite.Via().Value() ||
		cancel.CSeq().SeqNo != invite.CSeq().SeqNo || cancel.To().Value() != invite.To().Value() ||
		cancel.From().Value() != invite.From().Value() || !strings.Contains(header(t, cancel, "Reason"), "changed our mind") {
		t.Errorf("CANCEL is\n%s\nof\n%s", cancel, invite)
	}
	c.answer(cancel, 200, "b", "", "")
	c.answer(invite, 487, "b", "", "")
	c.await(sip.ACK)
	out.Cancel(rooms.Reason{Code: rooms.ReasonRemoved})
	s.undialled()
	if len(w.failed) != 0 || len(w.ringing) != 0 {
		t.Error("the room was told more")
	}
}

// The callee picks up while CANCEL is on its way: it is acknowledged and hung up on.
func TestAnswerOvertakesCancel(t *testing.T) {
	leak.Check(t)
	s := start(t)
	c := listen(t, "UDP")
	out, w := s.call(c)
	invite := c.expect(sip.INVITE)
	c.answer(invite, 180, "b", "", "")
	receive(t, w.ringing, "ringing")
	out.Cancel(rooms.Reason{Code: rooms.ReasonRemoved, Text: "too late"})
	cancel := c.await(sip.CANCEL)
	c.answer(invite, 200, "b", "", offer(c.addr.String(), "sendrecv"))
	c.await(sip.ACK)
	bye := c.await(sip.BYE)
	if !strings.Contains(header(t, bye, "Reason"), "too late") {
		t.Errorf("BYE is\n%s", bye)
	}
	c.answer(cancel, 481, "", "", "")
	c.answer(bye, 200, "", "", "")
	if f := w.failure(); f.Outcome != rooms.OutcomeCancelled {
		t.Errorf("the room was told %+v", f)
	}
	s.undialled()
}

// Nobody picks up in time. A callee that does not even answer CANCEL is forgotten.
func TestUnanswered(t *testing.T) {
	leak.Check(t)
	s := start(t)
	for name, polite := range map[string]bool{"487": true, "no answer to CANCEL": false} {
		t.Run(name, func(t *testing.T) {
			c := listen(t, "UDP")
			_, w := s.call(c, func(r *rooms.DialRequest) { r.Timeout = 100 * time.Millisecond })
			invite := c.expect(sip.INVITE)
			c.answer(invite, 180, "b", "", "")
			cancel := c.await(sip.CANCEL)
			if polite {
				c.answer(cancel, 200, "b", "", "")
				c.answer(invite, 487, "b", "", "")
			}
			if f := w.failure(); f != (rooms.DialFailure{Outcome: rooms.OutcomeUnanswered, Text: "nobody answered in time"}) {
				t.Errorf("the room was told %+v", f)
			}
			s.undialled()
		})
	}
}

// The room does not want who answered any more, or the answer cannot be used.
func TestAnswerRefused(t *testing.T) {
	leak.Check(t)
	s := start(t)
	declined := strings.Replace(offer("127.0.0.1:1", "sendrecv"), "m=audio 40000", "m=audio 0", 1)
	for name, c := range map[string]struct {
		body    string
		room    error
		outcome rooms.Outcome
		reason  string
	}{
		"the room":      {offer("127.0.0.1:1", "sendrecv"), errors.New("gone"), rooms.OutcomeCancelled, "Not let into"},
		"no body":       {"", nil, rooms.OutcomeFailed, "without a session description"},
		"not SDP":       {"nonsense\n", nil, rooms.OutcomeFailed, "Answer"},
		"audio refused": {declined, nil, rooms.OutcomeFailed, "declined the audio"},
	} {
		t.Run(name, func(t *testing.T) {
			callee := listen(t, "UDP")
			w := s.watcher()
			w.refuse = c.room
			if _, err := s.Dial(t.Context(), rooms.DialRequest{To: "sip:b@" + callee.addr.String(), Room: w.room}, w); err != nil {
				t.Fatal(err)
			}
			callee.answer(callee.expect(sip.INVITE), 200, "b", "", c.body)
			callee.await(sip.ACK)
			bye := callee.await(sip.BYE)
			if r := header(t, bye, "Reason"); !strings.Contains(r, c.reason) {
				t.Errorf("Reason is %s, want %q in it", r, c.reason)
			}
			callee.answer(bye, 200, "", "", "")
			if f := w.failure(); f.Outcome != c.outcome {
				t.Errorf("the room was told %+v", f)
			}
			s.undialled()
		})
	}
}

// Some gateways send their answer with 183 and not again with 200.
func TestAnswerInProvisional(t *testing.T) {
	s := start(t)
	c := listen(t, "UDP")
	_, w := s.call(c)
	invite := c.expect(sip.INVITE)
	c.answer(invite, 183, "b", "", offer(c.addr.String(), "sendrecv"))
	receive(t, w.ringing, "early media")
	c.answer(invite, 200, "b", "", "")
	c.await(sip.ACK)
	w.participant()
	if n := s.only().negotiated(); n == nil || n.RemoteRTP.Port() != 40000 {
		t.Errorf("negotiated is %+v", n)
	}
	c.request(invite, "b", "BYE", 1, "", "")
	s.undialled()
}

// A callee that has not answered may ask, but neither offer nor hang up.
func TestEarlyRequests(t *testing.T) {
	s := start(t)
	c := listen(t, "UDP")
	out, w := s.call(c)
	invite := c.expect(sip.INVITE)
	c.answer(invite, 180, "b", "", "")
	receive(t, w.ringing, "ringing")
	for n, q := range []struct {
		method, body string
		code         int
	}{
		{"UPDATE", "", 200}, {"UPDATE", offer(c.addr.String(), "sendrecv"), 491}, {"OPTIONS", "", 200},
		{"INFO", "", 200}, {"INVITE", offer(c.addr.String(), "sendrecv"), 491}, {"BYE", "", 481},
	} {
		c.request(invite, "b", q.method, n+1, "", q.body)
		if code := c.code(); code != q.code {
			t.Errorf("%s got %d, want %d", q.method, code, q.code)
		}
	}
	out.Cancel(rooms.Reason{Code: rooms.ReasonRemoved})
	cancel := c.await(sip.CANCEL)
	c.answer(cancel, 200, "b", "", "")
	c.answer(invite, 487, "b", "", "")
	s.undialled()
}
