//go:build linux

package load

import (
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/confd/confd/bench/load/calls"
)

func TestLedger(t *testing.T) {
	l := newLedger()
	for range 6 {
		l.try()
	}
	for i := range 4 {
		l.answer(time.Duration(i+1) * 10 * time.Millisecond)
	}
	l.fail(fmt.Errorf("wrapped: %w", &calls.Failure{Cause: calls.Busy, Status: 486}))
	l.fail(errors.New("of unknown cause"))
	l.drop(&calls.Failure{Cause: calls.Dropped})
	c := l.calls(2)
	if c.Tried != 6 || c.Answered != 4 || c.Running != 3 {
		t.Errorf("%+v", c)
	}
	if want := map[string]int{"busy": 1, "protocol": 1, "dropped": 1, "dead-media": 2}; !maps.Equal(c.Failed, want) {
		t.Errorf("failed: %v, want %v", c.Failed, want)
	}
	if want := map[string]int{"486": 1}; !maps.Equal(c.Statuses, want) {
		t.Errorf("statuses: %v, want %v", c.Statuses, want)
	}
	if s := c.SetupMS; s.N != 4 || s.Max != 40 || s.P50 != 20 {
		t.Errorf("setup: %+v", s)
	}
	var p Progress
	l.progress(&p)
	if p.Tried != 6 || p.Answered != 4 || p.Running != 3 || p.Failed != 3 {
		t.Errorf("progress: %+v", p)
	}
}
