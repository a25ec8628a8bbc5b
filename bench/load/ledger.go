//go:build linux

package load

import (
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/confd/confd/bench/load/calls"
	"github.com/confd/confd/bench/load/report"
)

// ledger is what became of the calls. Any goroutine may write into it.
type ledger struct {
	mu       sync.Mutex
	tried    int
	answered int
	running  int
	failed   map[calls.Cause]int
	statuses map[int]int // final answers of calls that failed
	setup    []time.Duration
	first    map[calls.Cause]error // of each cause, to show
}

func newLedger() *ledger {
	return &ledger{failed: map[calls.Cause]int{}, statuses: map[int]int{}, first: map[calls.Cause]error{}}
}

func (l *ledger) try() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tried++
}

func (l *ledger) answer(setup time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered++
	l.running++
	l.setup = append(l.setup, setup)
}

// fail notes a call that was not answered.
func (l *ledger) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note(err)
}

// drop notes that an answered call ended against our will.
func (l *ledger) drop(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running--
	l.note(err)
}

func (l *ledger) note(err error) {
	cause := causeOf(err)
	var f *calls.Failure
	if errors.As(err, &f) && f.Status != 0 {
		l.statuses[f.Status]++
	}
	l.failed[cause]++
	if l.first[cause] == nil {
		l.first[cause] = err
	}
}

func causeOf(err error) calls.Cause {
	var f *calls.Failure
	if errors.As(err, &f) {
		return f.Cause
	}
	return calls.Protocol
}

// progress fills in what became of the calls so far.
func (l *ledger) progress(p *Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p.Tried, p.Answered, p.Running = l.tried, l.answered, l.running
	for _, n := range l.failed {
		p.Failed += n
	}
}

// calls words the ledger for a report; of the calls that are up, so many are dead.
func (l *ledger) calls(dead int) report.Calls {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := report.Calls{Tried: l.tried, Answered: l.answered, Running: l.running, Failed: map[string]int{}, Statuses: map[string]int{}}
	for cause, n := range l.failed {
		c.Failed[string(cause)] = n
	}
	if dead > 0 {
		c.Failed[string(calls.DeadMedia)] = dead
	}
	for status, n := range l.statuses {
		c.Statuses[strconv.Itoa(status)] = n
	}
	setup := make([]float64, 0, len(l.setup))
	for _, d := range l.setup {
		setup = append(setup, ms(d))
	}
	c.SetupMS, c.Setups = report.NewQuantiles(setup), report.NewHistogram(setup)
	return c
}
