package focus

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/rooms"
)

// refused dials and wants an error of the code.
func (s *server) refused(code rooms.ErrorCode, req rooms.DialRequest) {
	s.t.Helper()
	w := s.watcher()
	req.Room = w.room
	if req.To == "" {
		req.To = "sip:x@127.0.0.1:9"
	}
	calls, dialling := s.Stats().Calls, s.Stats().Dialing
	out, err := s.Dial(s.t.Context(), req, w)
	if out != nil || rooms.CodeOf(err) != code {
		s.t.Errorf("%+v: got %v, want the code %s", req, err, code)
	}
	if now := s.Stats(); now.Calls != calls || now.Dialing != dialling {
		s.t.Error("the refused call has kept a place")
	}
}

func TestDialLimits(t *testing.T) {
	t.Run("at a time", func(t *testing.T) {
		s := start(t, func(c *Config) { c.DialOut = DialLimits{Max: 2} })
		c := listen(t, "UDP")
		out, _ := s.call(c)
		s.call(c)
		s.refused(rooms.Overloaded, rooms.DialRequest{})
		c.answer(c.await(sip.INVITE), 486, "b", "", "")
		c.answer(c.await(sip.INVITE), 486, "b", "", "")
		s.undialled()
		out.Cancel(rooms.Reason{}) // too late, and does nothing
		s.call(c)
		c.answer(c.await(sip.INVITE), 486, "b", "", "")
		s.undialled()
	})
	t.Run("a second", func(t *testing.T) {
		s := start(t, func(c *Config) { c.DialOut = DialLimits{PerSecond: 1e-3, Burst: 2} })
		c := listen(t, "UDP")
		for range 2 {
			s.call(c)
			c.answer(c.await(sip.INVITE), 486, "b", "", "")
		}
		s.undialled()
		s.refused(rooms.Overloaded, rooms.DialRequest{})
		s.dials.mu.Lock()
		s.dials.filled = s.dials.filled.Add(-1000 * time.Second)
		s.dials.mu.Unlock()
		s.call(c)
		c.answer(c.await(sip.INVITE), 486, "b", "", "")
		s.undialled() // else it is counted as dialling before the refusal, and not after it
		s.refused(rooms.Overloaded, rooms.DialRequest{})
	})
	t.Run("calls", func(t *testing.T) {
		s := start(t, func(c *Config) { c.MaxCalls = 1 })
		p := dial(t, "UDP", s.addr(0))
		p.call("")
		s.refused(rooms.Overloaded, rooms.DialRequest{})
	})
	t.Run("load", func(t *testing.T) {
		s := start(t, func(c *Config) { c.Load = func() float64 { return 0.9 } })
		s.refused(rooms.Overloaded, rooms.DialRequest{})
	})
	for _, bad := range []DialLimits{{Max: -1}, {Burst: -1}, {PerSecond: -1}} {
		if err := bad.complete(); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// Drain gives up on who rings, takes no new dial-outs, and waits for both sides to be done.
func TestDrainWhileRinging(t *testing.T) {
	leak.Check(t)
	s := start(t)
	c := listen(t, "UDP")
	_, w := s.call(c)
	invite := c.expect(sip.INVITE)
	c.answer(invite, 180, "b", "", "")
	receive(t, w.ringing, "ringing")
	done := make(chan error)
	go func() { done <- s.Drain(short(t)) }()
	cancel := c.await(sip.CANCEL)
	if r := header(t, cancel, "Reason"); !strings.Contains(r, "503") {
		t.Errorf("Reason is %s", r)
	}
	s.refused(rooms.Draining, rooms.DialRequest{})
	select {
	case err := <-done:
		t.Fatalf("Drain did not wait: %v", err)
	default:
	}
	c.answer(cancel, 200, "b", "", "")
	c.answer(invite, 487, "b", "", "")
	if err := receive(t, done, "Drain"); err != nil {
		t.Error(err)
	}
	if f := w.failure(); f.Outcome != rooms.OutcomeCancelled {
		t.Errorf("the room was told %+v", f)
	}
}

// A drain that may not take for ever says what is left.
func TestDrainGivesUpOnDialOuts(t *testing.T) {
	s := start(t)
	c := listen(t, "UDP")
	s.call(c)
	c.answer(c.expect(sip.INVITE), 180, "b", "", "")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Drain(ctx); err == nil || !strings.Contains(err.Error(), "did not end") {
		t.Errorf("got %v", err)
	}
}

// Close cancels without waiting.
func TestCloseWhileRinging(t *testing.T) {
	leak.Check(t)
	s := start(t)
	c := listen(t, "UDP")
	_, w := s.call(c)
	c.answer(c.expect(sip.INVITE), 180, "b", "", "")
	receive(t, w.ringing, "ringing")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	c.await(sip.CANCEL)
	if f := w.failure(); f.Outcome != rooms.OutcomeCancelled {
		t.Errorf("the room was told %+v", f)
	}
	if n := s.dialogs.size() + s.dials.size() + s.Stats().Calls; n != 0 {
		t.Errorf("%d things are left", n)
	}
	s.refused(rooms.Draining, rooms.DialRequest{})
}

// Nothing of two hundred dial-outs stays, whatever became of them. Twenty at a time are answered
// before their requests time out, also on a busy machine.
func TestDialOutsLeaveNothing(t *testing.T) {
	leak.Check(t)
	s := start(t, func(c *Config) { c.DialOut = DialLimits{Max: 200, Burst: 200} })
	c := listen(t, "UDP")
	for range 10 {
		s.dialAndEnd(c, 20)
	}
	s.undialled()
	if got := fmt.Sprint(s.Stats().DialOuts); got != "map[answered:100 busy:50 declined:50]" {
		t.Errorf("counted are %s", got)
	}
}

// dialAndEnd makes calls, of which a quarter is busy, a quarter declines, and the room ends the
// others.
func (s *server) dialAndEnd(c *callee, calls int) {
	s.t.Helper()
	watchers := make([]*watcher, calls)
	for i := range watchers {
		_, watchers[i] = s.call(c)
	}
	for i := range calls {
		invite := c.await(sip.INVITE)
		switch i % 4 {
		case 0:
			c.answer(invite, 486, "b", "", "")
		case 1:
			c.answer(invite, 180, "a", "", "")
			c.answer(invite, 603, "b", "", "")
		default:
			c.answer(invite, 200, "b", "", offer(c.addr.String(), "sendrecv"))
		}
	}
	for _, w := range watchers {
		select {
		case <-w.failed:
		case p := <-w.joined:
			go p.Remove(short(s.t), bored)
		case <-time.After(patience):
			s.t.Fatal("a dial-out is told nothing")
		}
	}
	for range calls / 2 {
		c.answer(c.await(sip.BYE), 200, "", "", "")
	}
}
