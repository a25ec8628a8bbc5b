package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/phone"
)

// holdings is what the program holds at one moment.
type holdings struct{ descriptors, ports, dialogs, calls, rooms, inputs, connections, goroutines int }

func (c *confd) holdings(t *testing.T) holdings {
	t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", c.cmd.Process.Pid))
	if err != nil {
		t.Skipf("the program's descriptors cannot be listed: %v", err)
	}
	n := func(name string) int { return int(c.metric(t, name)) }
	return holdings{
		len(open), n("confd_rtp_port_pairs_in_use"), n("confd_sip_dialogs"), n("confd_calls"), n("confd_rooms"),
		n("confd_mixer_inputs"), n("confd_sip_connections"), n("go_goroutines"),
	}
}

// beyond returns an error if h is more than base anywhere. The request that asks for the
// metrics has descriptors and goroutines of its own.
func (h holdings) beyond(base holdings) error {
	const own = 2
	if h.descriptors > base.descriptors+own || h.goroutines > base.goroutines+own ||
		h.ports > base.ports || h.dialogs > base.dialogs || h.calls > base.calls || h.rooms > base.rooms ||
		h.inputs > base.inputs || h.connections > base.connections {
		return fmt.Errorf("it holds %+v, and held %+v before", h, base)
	}
	return nil
}

// TestHundredsOfCallsLeaveNothing: after calls of all kinds and ends, the program has no more
// descriptors, ports, dialogs, connections and goroutines than before.
func TestHundredsOfCallsLeaveNothing(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	c := startConfd(t, host(), serverOptions{})
	rounds := func(n int) {
		for _, transport := range []string{"u1", "t1", "tn"} {
			s := startSipp(t, host(), sippRun{
				scenario: "silent.xml", target: c.sip, room: "leak", transport: transport, calls: n, rate: 50, hold: 200 * time.Millisecond,
			})
			if err := sippDone(s, n, 60*time.Second); err != nil {
				t.Errorf("%s: %v", transport, err)
			}
		}
		for i := range n / 4 {
			c.oddCall(t, i)
		}
	}
	settled := func(base holdings) {
		t.Helper()
		eventually(t, 60*time.Second, "what calls need to be given back", func() error { return c.holdings(t).beyond(base) })
	}
	idle := c.holdings(t)
	rounds(4) // whatever the program makes once
	settled(holdings{descriptors: idle.descriptors + 20, goroutines: idle.goroutines + 20})
	base := c.holdings(t)
	t.Logf("before: %+v", base)
	rounds(100)
	settled(base)
	t.Logf("after: %+v", c.holdings(t))
	if n := c.metric(t, "confd_calls_answered_total"); n < 300 {
		t.Errorf("%v calls were answered: hardly a test", n)
	}
}

// oddCall is a call that does not just come and go.
func (c *confd) oddCall(t *testing.T, i int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	o := phone.Options{URI: c.uri(fmt.Sprintf("odd%d", i%3)), Network: c.place, Local: c.place.ip}
	switch i % 4 {
	case 0: // refused
		o.URI = "sip:no%2Froom@" + c.sip
		if p, err := phone.Dial(ctx, o); err == nil {
			t.Error("a call to no room was answered")
			_ = p.Close()
		}
		return
	case 1:
		o.NoOffer = true
	case 2:
		o.URI += ";transport=tcp"
	}
	p, err := phone.Dial(ctx, o)
	if err != nil {
		t.Errorf("call %d: %v", i, err)
		return
	}
	if err := p.Hold(ctx); err != nil {
		t.Errorf("hold %d: %v", i, err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("bye %d: %v", i, err)
	}
}
