package focus

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/rooms"
)

// mute is DNS that never answers.
type mute struct{ asked chan struct{} }

func (m mute) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	m.asked <- struct{}{}
	<-ctx.Done()
	return nil, ctx.Err()
}

func (m mute) LookupSRV(context.Context, string, string, string) (string, []*net.SRV, error) {
	return "", nil, errors.New("no such record")
}

// A dial-out ends at once, with one outcome, while it still looks for the way.
func TestGivenUpBeforeTheINVITE(t *testing.T) {
	leak.Check(t)
	s := start(t, withListen(Listen{"udp", "127.0.0.1:0"}, Listen{"tcp", "127.0.0.1:0"}))
	dns := mute{make(chan struct{}, 10)}
	s.resolver = dns
	for way, reached := range map[string]func(*callee){
		"resolving": func(*callee) { receive(t, dns.asked, "DNS to be asked") },
		"connecting": func(c *callee) {
			wait.For(t, "the connection", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.conn != nil })
		},
	} {
		for _, end := range []struct {
			name    string
			timeout time.Duration
			cancel  rooms.ReasonCode
			outcome rooms.Outcome
		}{
			{"the room removes it", 0, rooms.ReasonRemoved, rooms.OutcomeCancelled},
			{"the room's patience is over", 0, rooms.ReasonTimedOut, rooms.OutcomeUnanswered},
			{"nobody answers in time", 50 * time.Millisecond, "", rooms.OutcomeUnanswered},
		} {
			t.Run(way+", "+end.name, func(t *testing.T) {
				before := s.Stats().DialOuts[string(end.outcome)]
				c, to := listen(t, "TCP"), "sip:x@slow.test" // which says nothing in a TLS handshake
				if way == "connecting" {
					to = "sips:x@" + c.addr.String()
				}
				w := s.watcher()
				out, err := s.Dial(t.Context(), rooms.DialRequest{To: to, Room: w.room, Timeout: end.timeout}, w)
				if err != nil {
					t.Fatal(err)
				}
				reached(c)
				if end.cancel != "" {
					out.Cancel(rooms.Reason{Code: end.cancel})
				}
				if f := w.failure(); f.Outcome != end.outcome {
					t.Errorf("the room was told %+v", f)
				}
				s.undialled()
				if n := s.Stats().DialOuts[string(end.outcome)]; n != before+1 || len(w.failed) != 0 {
					t.Errorf("counted %d times, and told %d times more", n-before, len(w.failed))
				}
			})
		}
	}
}

// The room gives up on a call in the very moment in which it is answered: the phone is hung
// up on, once, and told why.
func TestGivenUpWhileAnswered(t *testing.T) {
	leak.Check(t)
	s := start(t)
	for name, refuse := range map[string]error{"before": errors.New("it has been answered already"), "after": nil} {
		t.Run(name, func(t *testing.T) {
			c, w := listen(t, "UDP"), s.watcher()
			begun := make(chan rooms.Outgoing, 1)
			w.refuse = refuse
			w.answered = func() { (<-begun).Cancel(rooms.Reason{Code: rooms.ReasonRoomClosed}) }
			out, err := s.Dial(t.Context(), rooms.DialRequest{To: "sip:b@" + c.addr.String(), Room: w.room}, w)
			if err != nil {
				t.Fatal(err)
			}
			begun <- out
			c.answer(c.expect(sip.INVITE), 200, "b", "", offer(c.addr.String(), "sendrecv"))
			c.await(sip.ACK)
			bye := c.expect(sip.BYE)
			if r := header(t, bye, "Reason"); r != `SIP;cause=410;text="Conference ended"` {
				t.Errorf("Reason is %s", r)
			}
			c.answer(bye, 200, "", "", "")
			s.undialled()
			if (len(w.failed) == 1) != (refuse != nil) || (len(w.joined) == 1) != (refuse == nil) {
				t.Errorf("%d failed, %d joined", len(w.failed), len(w.joined))
			}
		})
	}
	if got := s.Stats().DialOuts; got["answered"] != 1 || got["cancelled"] != 1 || len(got) != 2 {
		t.Errorf("counted are %v", got)
	}
}

// A fault of ours while a call is answered ends that call, and nothing else.
func TestFaultWhileAnswered(t *testing.T) {
	leak.Check(t)
	s := start(t)
	c, w := listen(t, "UDP"), s.watcher()
	w.answered = func() { panic("a fault that a test makes") }
	if _, err := s.Dial(t.Context(), rooms.DialRequest{To: "sip:b@" + c.addr.String(), Room: w.room}, w); err != nil {
		t.Fatal(err)
	}
	c.answer(c.expect(sip.INVITE), 200, "b", "", offer(c.addr.String(), "sendrecv"))
	bye := c.await(sip.BYE)
	if r := header(t, bye, "Reason"); !strings.Contains(r, "500") {
		t.Errorf("Reason is %s", r)
	}
	c.answer(bye, 200, "", "", "")
	if f := w.failure(); f.Outcome != rooms.OutcomeFailed || s.Stats().Panics != 1 {
		t.Errorf("the room was told %+v", f)
	}
	s.undialled()
}

// Who answers with a Contact that leads nowhere is reached where the INVITE went.
func TestAnswerWithoutAddress(t *testing.T) {
	leak.Check(t)
	s := start(t)
	s.resolver = zone{}
	c := listen(t, "UDP")
	_, w := s.call(c)
	invite := c.expect(sip.INVITE)
	c.pickUp(invite, "b", "Contact: <sip:b@nowhere.test>\n")
	w.participant()
	s.only().End(bored)
	c.answer(c.await(sip.BYE), 200, "", "", "")
	s.undialled()
}

// A host of a dialog may have addresses, or SRV records alone.
func TestLocate(t *testing.T) {
	a := &Agent{resolver: zone{
		hosts: map[string][]string{"a.test": {"192.0.2.1"}, "b.test": {"192.0.2.2"}},
		srv:   map[string][]*net.SRV{"_sip._udp.srv.test": {{Target: "b.test.", Port: 5070}}},
	}}
	for in, want := range map[string]string{
		"192.0.2.9:5062": "192.0.2.9:5062", "[2001:db8::1]:5060": "[2001:db8::1]:5060", "a.test:5060": "192.0.2.1:5060",
		"srv.test:5060": "192.0.2.2:5070", "none.test:5060": "no such host", "a.test": "missing port", "a.test:70000": "no port",
	} {
		h, err := a.locate(t.Context(), "UDP", in)
		if err != nil {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", in, err)
			}
		} else if h.addr.String() != want {
			t.Errorf("%s: %v, want %s", in, h.addr, want)
		}
	}
}
