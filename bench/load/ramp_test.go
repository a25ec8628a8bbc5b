//go:build linux

package load

import (
	"context"
	"testing"

	"github.com/confd/confd/bench/load/report"
)

// A ramp ends at the step that breaks a bound, and reports the one before.
func TestClimb(t *testing.T) {
	for _, c := range []struct {
		bears, callers  int
		capacity, steps int
		passed          bool
		bound           string
	}{
		{bears: 20, callers: 50, capacity: 20, steps: 3, passed: true, bound: report.BoundLoss},
		{bears: 50, callers: 50, capacity: 50, steps: 5, passed: true},
		{bears: 50, callers: 45, capacity: 45, steps: 5, passed: true},
		{bears: 9, callers: 50, steps: 1, bound: report.BoundLoss},
	} {
		at := 0
		o := Options{Callers: c.callers, Ramp: 10}.withDefaults()
		result := climb(t.Context(), &o, func(string) {}, func(from, to int) *report.Report {
			if from != at || to <= from || to > c.callers {
				t.Errorf("%+v: a step from %d to %d after %d", c, from, to, at)
			}
			at = to
			r := &report.Report{Calls: report.Calls{Tried: to, Answered: to, Running: to}}
			r.Total.Media, r.Total.DelayMS = report.Media{Sent: 100, Received: 100}, report.NewQuantiles([]float64{20})
			if to > c.bears {
				r.Total.Media = report.Media{Sent: 100, Received: 90, Lost: 10, LossPercent: 10}
			}
			return r
		})
		if r := result.Ramp; r.Capacity != c.capacity || len(r.Steps) != c.steps || r.Bound != c.bound {
			t.Errorf("%+v: %+v", c, r)
		}
		if result.Calls.Tried != max(c.capacity, 10) || result.Verdict.Passed != c.passed {
			t.Errorf("%+v: the report is of %d callers, passed %v", c, result.Calls.Tried, result.Verdict.Passed)
		}
	}
}

// Who is interrupted before the first step has a report all the same.
func TestClimbIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o := Options{Callers: 20, Ramp: 10}.withDefaults()
	r := climb(ctx, &o, func(string) {}, func(int, int) *report.Report { return &report.Report{} })
	if r == nil || len(r.Ramp.Steps) != 1 {
		t.Errorf("%+v", r)
	}
}
