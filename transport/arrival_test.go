package transport

import (
	"testing"
	"time"

	"github.com/confd/confd/internal/clock"
)

const ms = int64(time.Millisecond)

// clocks is a system's clocks, set by hand.
type clocks struct{ mono, wall int64 }

func (c *clocks) stamper() *stamper {
	return &stamper{
		monotonic: func() int64 { return c.mono },
		realtime:  func() int64 { return c.wall },
	}
}

func (c *clocks) pass(d int64) { c.mono += d; c.wall += d }

func TestArrivalMapsAndClamps(t *testing.T) {
	c := &clocks{mono: 100_000 * ms, wall: 1_700_000_000_000 * ms}
	s := c.stamper()
	s.keep(c.mono)
	for _, v := range []struct {
		name        string
		stamp, want int64
	}{
		{"7 ms ago", c.wall - 7*ms, c.mono - 7*ms},
		{"now", c.wall, c.mono},
		{"after the tick began", c.wall + 3*ms, c.mono},
		{"older than anything may be", c.wall - 600*ms, c.mono - maxArrivalAge},
		{"no stamp", 0, c.mono},
	} {
		if got := s.arrival(v.stamp, c.mono); got != v.want {
			t.Errorf("%s: %d, want %d", v.name, got-c.mono, v.want-c.mono)
		}
	}
	if s.steps.Load() != 0 {
		t.Errorf("%d steps seen, there was none", s.steps.Load())
	}
}

func TestArrivalFollowsSteps(t *testing.T) {
	for _, step := range []int64{-3600_000 * ms, -300 * ms, -2 * ms, 2 * ms, 300 * ms, 3600_000 * ms} {
		c := &clocks{mono: 100_000 * ms, wall: 1_700_000_000_000 * ms}
		s := c.stamper()
		s.keep(c.mono)
		c.pass(20 * ms)
		c.wall += step
		s.keep(c.mono)
		// Until the offset is measured again a stamp may be off, but never outside its bounds.
		if a := s.arrival(c.wall, c.mono); a > c.mono || a < c.mono-maxArrivalAge {
			t.Errorf("step %d ms: arrival %d ms from now", step/ms, (a-c.mono)/ms)
		}
		c.pass(100 * ms)
		s.keep(c.mono)
		if a := s.arrival(c.wall-5*ms, c.mono); a != c.mono-5*ms {
			t.Errorf("step %d ms: after 100 ms arrival is %d ns off", step/ms, a-c.mono+5*ms)
		}
		if s.steps.Load() != 1 {
			t.Errorf("step %d ms: counted %d steps", step/ms, s.steps.Load())
		}
	}
}

func TestArrivalNoticesLargeStepAtOnce(t *testing.T) {
	c := &clocks{mono: 100_000 * ms, wall: 1_700_000_000_000 * ms}
	s := c.stamper()
	s.keep(c.mono)
	c.pass(20 * ms)
	c.wall += 3600_000 * ms
	if a := s.arrival(c.wall-5*ms, c.mono); a != c.mono-5*ms {
		t.Errorf("arrival %d ns from now, want 5 ms ago", a-c.mono)
	}
}

func TestArrivalIgnoresInterruptedReading(t *testing.T) {
	c := &clocks{mono: 100_000 * ms, wall: 1_700_000_000_000 * ms}
	s := c.stamper()
	reads := 0
	s.monotonic = func() int64 {
		if reads++; reads == 2 {
			c.pass(30 * ms) // between the readings of the first attempt
		}
		return c.mono
	}
	s.keep(c.mono)
	if got, want := s.offset.Load(), c.wall-c.mono; got != want {
		t.Errorf("offset is %d ns off", got-want)
	}
}

// TestKernelStampsAreMonotonicTime holds the real clocks against each other.
func TestKernelStampsAreMonotonicTime(t *testing.T) {
	l, p := call(t, nil)
	for range 50 {
		before := clock.Now()
		p.speak()
		after := clock.Now()
		var got collector
		if poll(l, &got) != 1 {
			t.Fatal("no packet")
		}
		a := got.packets[0].Arrival
		if a < before-ms/2 || a > after+ms/2 {
			t.Errorf("arrival %d ns before the send began, %d after it ended", before-a, a-after)
		}
	}
}
