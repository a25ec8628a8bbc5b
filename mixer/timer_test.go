package mixer

import "testing"

// Stages are told of only for the passes in which they are timed.
func TestStagesAreTimedInSomePasses(t *testing.T) {
	var timer stageTimer
	var stats counters
	for pass := range 3 {
		timer.begin(pass == 1)
		timer.lap(stageMix)
		timer.publish(&stats)
	}
	if s := stats.Stages[stageMix].Snapshot(); s.Count() != 1 {
		t.Errorf("told of %d passes, want 1", s.Count())
	}
}
