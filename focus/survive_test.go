package focus

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/rooms"
)

// A peer that says 180 to a refresh and then nothing more keeps no goroutine of ours, whether
// it hangs up or not.
func TestRefreshThatRingsForEver(t *testing.T) {
	for _, hangsUp := range []bool{true, false} {
		t.Run(fmt.Sprint("hangs up ", hangsUp), func(t *testing.T) {
			s := start(t)
			p := dial(t, "UDP", s.addr(0))
			p.call("Supported: timer\n")
			d := s.only().confirmed(t)
			d.refreshSoon()
			p.answer(p.await(sip.INVITE), 180, "", "")
			if hangsUp {
				p.expect(200, p.request("BYE", "", ""))
			} else {
				bye := p.await(sip.BYE)
				if got := header(t, bye, "Reason"); !strings.Contains(got, "No answer to refresh") {
					t.Errorf("Reason is %s", got)
				}
				p.answer(bye, 200, "", "")
			}
			s.settled()
			wait.For(t, "the refresh to be given up", func() bool { d.mu.Lock(); defer d.mu.Unlock(); return !d.asking })
		})
	}
}

// A call that is being set up when draining begins is not answered after it.
func TestDrainWhileACallIsSetUp(t *testing.T) {
	gate, reached := make(chan struct{}), make(chan struct{}, 1)
	s := start(t, func(c *Config) {
		c.Trusted = func(netip.Addr) bool { reached <- struct{}{}; <-gate; return true }
	})
	p := dial(t, "UDP", s.addr(0))
	p.send(p.request("INVITE", "", offer(p.local, "sendrecv")))
	<-reached
	if err := s.Drain(short(t)); err != nil {
		t.Fatal(err)
	}
	close(gate)
	res := p.final()
	if res.StatusCode != 503 {
		t.Errorf("the INVITE got %d, want 503", res.StatusCode)
	}
	header(t, res, "Retry-After")
	s.settled()
	if e := s.await(rooms.ParticipantLeft); e.Reason.Code != rooms.ReasonDraining {
		t.Errorf("left because of %v", e.Reason)
	}
}

// A fault of ours in one call does not end the program, whichever goroutine it is in.
func TestFaultsAreContained(t *testing.T) {
	s := start(t)
	s.spawn(func() { panic("in a goroutine") })
	wait.For(t, "the fault to be counted", func() bool { return s.Stats().Panics == 1 })
	p := dial(t, "UDP", s.addr(0))
	p.call("Supported: timer\n")
	d := s.only().confirmed(t)
	d.mu.Lock()
	c := d.call
	d.call = nil // the refresh by re-INVITE needs it
	d.armTimer(time.Nanosecond)
	d.mu.Unlock()
	wait.For(t, "the fault to be counted", func() bool { return s.Stats().Panics == 2 })
	d.mu.Lock()
	d.call = c
	d.mu.Unlock()
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
}
