package egress

import "testing"

func TestBudgetAtItsLimits(t *testing.T) {
	var b budget
	b.set(800_000, false) // 125 kB/s with headroom: 93,750 bytes in budgetDepth
	if b.rate != 125_000 {
		t.Fatalf("%d bytes per second", b.rate)
	}
	now := int64(1e15)
	b.take(46_875, false, now)
	if b.spent(true, now) {
		t.Error("spent at half its bound")
	}
	b.take(1, false, now)
	if !b.spent(true, now) {
		t.Error("not spent one byte beyond half its bound for what can be spared")
	}
	b.take(46_874, false, now)
	if b.spent(false, now) {
		t.Error("spent at its bound")
	}
	b.take(1, false, now)
	if !b.spent(false, now) || b.spent(false, now+millisecond) {
		t.Error("not spent one byte beyond its bound, or for longer than a millisecond")
	}
	if resume := now + budgetDepth - resumeDepth + millisecond; b.resumes(resume-millisecond) || !b.resumes(resume) {
		t.Error("resumes at another time than when a tenth of a second is left")
	}
}

func TestBudgetBearsAKeyFrame(t *testing.T) {
	var b budget
	b.set(80_000, false) // 12.5 kB/s: 9,375 bytes in budgetDepth, 25,000 in keyDepth
	now := int64(1e15)
	b.take(25_000, true, now)
	b.take(9_375, false, now)
	if b.spent(false, now) {
		t.Error("a key frame of two seconds is not borne")
	}
	b.take(1, false, now)
	if !b.spent(false, now) {
		t.Error("more than a key frame of two seconds is borne")
	}
}

func TestBudgetRates(t *testing.T) {
	for _, c := range []struct {
		estimate uint64
		low      bool
		want     int64
	}{
		{0, false, 0}, {0, true, 18_750}, {1_000_000, true, 18_750}, {100_000, true, 15_625},
		{30_000, false, 4_687}, {29_999, false, 4_687}, {1, false, 4_687}, // held up
		{mostRate, false, 1_562_500_000}, {1 << 63, false, 1_562_500_000},
	} {
		var b budget
		if b.set(c.estimate, c.low); b.rate != c.want {
			t.Errorf("estimate %d (low: %v): %d bytes per second, want %d", c.estimate, c.low, b.rate, c.want)
		}
	}
}

func TestBudgetWithoutEstimate(t *testing.T) {
	var b budget
	b.set(0, false)
	b.take(1<<40, true, 1e15)
	if b.spent(false, 1e15) || !b.resumes(1e15) {
		t.Error("spent without a bound")
	}
	if b.set(1_000_000, false); b.spent(false, 1e15) {
		t.Error("what went before the first estimate counts")
	}
}
