package bandwidth

import (
	"math"
	"testing"
	"time"
)

// feed has a trend see groups of packets, sent every sent and arriving every arrived.
func feed(t *trend, groups int, at *moment, sent, arrived time.Duration) (states map[signal]int) {
	states = map[signal]int{}
	for range groups {
		at.sent += int64(sent)
		at.arrived += int64(arrived)
		t.packet(at.sent, at.arrived)
		states[t.state]++
	}
	return states
}

// moment is when a packet was sent, and arrived.
type moment struct{ sent, arrived int64 }

func TestTheTrendTellsQueuesThatGrowAndDrain(t *testing.T) {
	var f trend
	f.reset()
	at := moment{int64(time.Hour), int64(time.Minute)}
	if s := feed(&f, 200, &at, 20*ms, 20*ms); s[normal] != 200 {
		t.Errorf("steady: %v", s)
	}
	if s := feed(&f, 100, &at, 20*ms, 22*ms); s[overuse] == 0 || s[underuse] != 0 {
		t.Errorf("a queue that grows: %v", s)
	}
	if s := feed(&f, 100, &at, 20*ms, 18*ms); s[underuse] == 0 {
		t.Errorf("a queue that drains: %v", s)
	}
	feed(&f, 100, &at, 20*ms, 20*ms)
	if f.state != normal {
		t.Errorf("steady again: %v", f.state)
	}
}

// A network that holds packets back and lets them go together, as wireless ones do, has no
// queue that grows.
func TestBurstsOfArrivalsAreNoQueue(t *testing.T) {
	var f trend
	f.reset()
	sent := int64(time.Hour)
	for i := range 1000 {
		sent += 8 * millisecond
		const hold = 60 * millisecond
		f.packet(sent, (sent/hold+1)*hold)
		if f.state == overuse {
			t.Fatalf("packet %d: overuse", i)
		}
	}
	if f.count < 100 || f.count > 150 {
		t.Errorf("%d groups of 1000 packets", f.count)
	}
}

// Clocks that jump, and pauses, begin the trend anew.
func TestTheTrendSurvivesJumps(t *testing.T) {
	for name, jump := range map[string]moment{
		"the peer's clock forth": {0, int64(time.Hour)}, "and back": {0, -int64(time.Hour)}, "a pause": {int64(time.Hour), int64(time.Hour) + second},
	} {
		var f trend
		f.reset()
		at := moment{int64(time.Hour), int64(3 * time.Hour)}
		feed(&f, 100, &at, 20*ms, 20*ms)
		at.sent, at.arrived = at.sent+jump.sent, at.arrived+jump.arrived
		if s := feed(&f, 100, &at, 20*ms, 20*ms); s[normal] != 100 {
			t.Errorf("%s: %v", name, s)
		}
		if s := feed(&f, 100, &at, 20*ms, 22*ms); s[overuse] == 0 {
			t.Errorf("%s, then a queue: %v", name, s)
		}
	}
}

func TestArrivalsAllAtOnceHaveNoSlope(t *testing.T) {
	f := trend{slope: 3}
	if got := f.fit(); got != 3 {
		t.Errorf("%v", got)
	}
}

// The threshold rises under a signal that stays, so that flows that fill the queue are not left
// the whole of it, and not under a leap.
func TestTheThresholdAdapts(t *testing.T) {
	f := trend{threshold: firstThreshold}
	for i := range 1000 {
		f.adapt(firstThreshold+10, int64(i+1)*20*millisecond)
	}
	if f.threshold < firstThreshold+5 || f.threshold > firstThreshold+10 {
		t.Errorf("%v", f.threshold)
	}
	was := f.threshold
	f.adapt(was+leap+1, int64(time.Hour))
	if f.threshold != was {
		t.Errorf("a leap moves it to %v", f.threshold)
	}
	for i := range 10000 {
		f.adapt(0, int64(time.Hour)+int64(i)*second)
	}
	if f.threshold != leastThreshold {
		t.Errorf("falls to %v", f.threshold)
	}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-5*b }

func TestTheDelayControlsSteps(t *testing.T) {
	now := int64(time.Hour)
	const ample = 1e9
	d := delayControl{bitrate: 4e6}
	step := func(state signal, after time.Duration, acked, most, want float64) {
		t.Helper()
		now += int64(after)
		d.state = state
		if d.feedback(now, 100*millisecond, acked, most); !near(d.bitrate, want) {
			t.Errorf("state %v, %.0f arriving: %.0f, want %.0f", state, acked, d.bitrate, want)
		}
	}
	step(normal, 0, 4e6, ample, 4e6)
	step(normal, time.Second, 4e6, ample, 6e6)                // the beginning
	step(normal, time.Hour, 4e6, ample, 9e6)                  // a second's worth at most
	step(normal, time.Second, 4e6, 8e6, 9e6)                  // no higher than what was sent allows, but no lower
	step(overuse, time.Second, 0, ample, 9e6)                 // nothing is known
	step(overuse, time.Second, 4e6, ample, 3.4e6)             // cut
	step(overuse, 100*ms, 3e6, ample, 3.4e6)                  // its effect is not seen yet
	step(normal, 100*ms, 3.4e6, ample, 3.4e6)                 // held
	step(normal, 100*ms, 3.4e6, ample, 3.4e6+2361)            // additive: half of a twelfth of a picture in 200 ms
	step(underuse, 100*ms, 3.4e6, ample, 3.4e6+2361)          // held
	step(normal, 100*ms, 3.4e6, ample, 3.4e6+2361)            // still
	step(normal, time.Second, 4.1e6, ample, 3.4e6+2361+23628) // additive still, near the limit
	step(normal, time.Second, 5e6, ample, (3.4e6+2361+23628)*growth)
	if d.capacity != 0 {
		t.Errorf("capacity %.0f after more arrived", d.capacity)
	}
	step(overuse, time.Second, 3e6, ample, 0.85*3e6)
	step(overuse, time.Second, 1e6, ample, 0.85*1e6)
	if !near(d.capacity, 1e6) {
		t.Errorf("capacity %.0f after much less arrived", d.capacity)
	}
	step(overuse, time.Second, 1.02e6, ample, 0.85*1e6)
	if !near(d.capacity, 1.001e6) {
		t.Errorf("capacity %.0f, want the average", d.capacity)
	}
}

// What it is cut to, however little arrives, is what it begins to rise from.
func TestBothControlsStayWithinTheBounds(t *testing.T) {
	now := int64(time.Hour)
	e := New(Config{Floor: 300_000})
	e.delay.bitrate, e.loss.bitrate = 1, 1
	e.REMB(now, 5e6)
	if e.delay.bitrate != 300_000 || e.loss.bitrate != 300_000 {
		t.Errorf("%v %v", e.delay.bitrate, e.loss.bitrate)
	}
}

func TestTheLeastOfLate(t *testing.T) {
	var l least
	at := int64(time.Hour)
	for _, c := range []struct {
		after       time.Duration
		value, want int64
	}{
		{0, 50, 50}, {time.Second, 80, 50}, {10 * time.Second, 40, 40}, {4 * time.Second, 90, 40},
		{10 * time.Second, 100, 40}, {5 * time.Second, 100, 90}, {time.Hour, 200, 200},
	} {
		at += int64(c.after)
		if got := l.of(at, c.value); got != c.want {
			t.Errorf("after %v: %d, want %d", c.after, got, c.want)
		}
	}
}
