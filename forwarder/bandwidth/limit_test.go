package bandwidth

import (
	"testing"
	"time"
)

func TestThreeOfFourCanTakeIt(t *testing.T) {
	for _, c := range []struct {
		estimates []uint64
		want      uint64
	}{
		{[]uint64{5e5}, 5e5},
		{[]uint64{9e5, 5e5}, 5e5},
		{[]uint64{9e5, 5e5, 7e5}, 5e5},
		{[]uint64{1e5, 9e5, 5e5, 7e5}, 5e5},
		{[]uint64{1e5, 9e5, 5e5, 7e5, 6e5, 8e5, 4e5}, 4e5},
		{[]uint64{1e5, 9e5, 5e5, 7e5, 6e5, 8e5, 4e5, 1e5}, 4e5},
		{[]uint64{9e6, 9e6}, 2e6},   // the ceiling
		{[]uint64{1, 2, 3, 4}, 1e5}, // the floor
	} {
		l := Limit{Floor: 1e5, Ceiling: 2e6}
		if got, ask := l.Update(int64(time.Hour), c.estimates); got != c.want || !ask || l.Asked() != c.want {
			t.Errorf("%v: %d (%v), want %d", c.estimates, got, ask, c.want)
		}
	}
	var l Limit
	if got, _ := l.Update(int64(time.Hour), []uint64{1e12}); got != DefaultCeiling {
		t.Errorf("without a ceiling %d", got)
	}
}

func TestNothingIsAskedForWhileNobodyWatches(t *testing.T) {
	var l Limit
	if bits, ask := l.Update(int64(time.Hour), nil); ask || bits != 0 {
		t.Errorf("%d is asked for", bits)
	}
}

func TestLimitHasHysteresis(t *testing.T) {
	now := int64(time.Hour)
	l := Limit{Floor: 1e5, Ceiling: 4e6}
	step := func(after time.Duration, estimate, want uint64, asks bool) {
		t.Helper()
		now += int64(after)
		got, ask := l.Update(now, []uint64{estimate})
		if got != want || ask != asks {
			t.Errorf("%d: %d (%v), want %d (%v)", estimate, got, ask, want, asks)
		}
	}
	step(0, 1e6, 1e6, true)
	step(10*ms, 2e5, 1e6, false)              // too soon to look at
	step(990*ms-1, 5e5, 1e6, false)           // too soon after the last request
	step(200*ms, 5e5, 5e5, true)              // falls at once
	step(time.Second, 450_000, 5e5, false)    // within 10 %
	step(time.Second, 449_999, 449_999, true) // not any more
	step(5*time.Second-1, 4e6, 449_999, false)
	step(200*ms, 4e6, 562_498, true) // rises by a quarter
	step(5*time.Second, 600_000, 562_498, false)
	step(4*time.Second, 600_000, 562_498, false)
	step(time.Second, 600_000, 562_498, true) // the same again
	for range 20 {
		now += int64(5 * time.Second)
		l.Update(now, []uint64{9e6})
	}
	step(5*time.Second, 9e6, 4e6, true) // the ceiling, as it is repeated
	step(5*time.Second, 3_580_000, 3_580_000, true)
	step(5*time.Second, 3_900_000, 3_580_000, false)
	step(time.Second, 3_950_000, 3_950_000, true)
	step(5*time.Second, 9e6, 4e6, true) // if it is the ceiling, however little higher
	step(950*ms, 4e6, 4e6, false)
	step(199*ms, 1e6, 4e6, false) // looked at too lately
	step(ms, 1e6, 1e6, true)
	l.Reset()
	step(ms, 3e6, 3e6, true)
}

// Whatever the estimates do, requests stay few.
func TestRequestsAreFew(t *testing.T) {
	now := int64(time.Hour)
	l := Limit{Floor: 1e5}
	asked := 0
	for i := range 60_000 { // a minute
		now += millisecond
		if _, ask := l.Update(now, []uint64{uint64(1e5 + 1e6*float64(i/700%2))}); ask {
			asked++
		}
	}
	if asked > 24 {
		t.Errorf("%d requests in a minute", asked)
	}
}

func TestLimitDoesNotAllocate(t *testing.T) {
	now := int64(time.Hour)
	var l Limit
	estimates := make([]uint64, 500)
	l.Update(now, estimates)
	if n := testing.AllocsPerRun(100, func() {
		now += second
		for i := range estimates {
			estimates[i] = uint64(now*int64(i)) % 1e7
		}
		l.Update(now, estimates)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A source and those who watch it, in a loop: what is asked for is what most links carry.
func TestASourceFollowsMostOfItsViewers(t *testing.T) {
	rates := []float64{4e5, 8e5, 9e5, 2e6, 3e6, 3e6, 5e6, 5e6}
	for name, with := range map[string]func(s *scenario){
		"transport-cc": func(s *scenario) { s.transport = true },
		"reports":      func(s *scenario) { s.reports = true },
		"the receiver": func(s *scenario) { s.reports, s.remb = true, true },
	} {
		var viewers []*scenario
		for _, r := range rates {
			s := newScenario(&link{rate: r, queue: 300 * ms, delay: 25 * ms}, Config{Start: 5e6})
			with(s)
			viewers = append(viewers, s)
		}
		l := Limit{Floor: 1e5, Ceiling: 4e6}
		estimates := make([]uint64, len(viewers))
		sum, count := 0.0, 0.0
		for n := range 2 * 60 * 20 {
			for i, s := range viewers {
				s.most = float64(max(l.Asked(), 1e5))
				s.run(50 * ms)
				estimates[i] = s.e.Estimate()
			}
			if bits, _ := l.Update(viewers[0].now, estimates); n >= 30*20 {
				sum, count = sum+float64(bits), count+1
			}
		}
		if got := sum / count; got < 630_000 || got > 945_000 {
			t.Errorf("%s: %.0f bits/s are asked for; three of four have 900 kbit/s", name, got)
		}
	}
}
