//go:build linux

package floor

import (
	"runtime"
	"time"

	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/bench/wire"
)

// Report is what a run cost.
type Report struct {
	Ticks   int
	Late    time.Duration // 99th percentile of a tick's start behind its due time
	Skipped int           // ticks given up because the one before took too long
	Check   Check
}

// Check is the processor time of whole ticks beside that of their bare system and codec
// calls, taken in turn in one run. It is zero unless Config.Check is set.
type Check struct {
	Ticks, Bares   int
	InTick, InBare time.Duration
}

// Ratio returns the cost of a tick in units of its bare calls; 0 if either is missing.
func (c Check) Ratio() float64 {
	if c.Ticks == 0 || c.Bares == 0 || c.InBare == 0 {
		return 0
	}
	return (float64(c.InTick) / float64(c.Ticks)) / (float64(c.InBare) / float64(c.Bares))
}

// A block of the check is long enough that what one kind of tick leaves in the caches is
// forgotten in most ticks of the other.
const block = 25

// rooms are ticked by one thread, one behind the other.
type rooms []*Mixer

// RunTicks ticks n times, every Period, on a thread of its own. Tick k is due k periods
// after the first, however late the ones before were.
func (m *Mixer) RunTicks(n int) Report {
	return rooms{m}.run(func(ticks int) bool { return ticks < n })
}

func (all rooms) run(goOn func(ticks int) bool) Report {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	all.drain()
	var r Report
	late := make([]int64, 0, 1<<16)
	for due := wire.Monotonic(); goOn(r.Ticks); due += int64(Period) {
		wire.SleepUntil(due)
		behind := wire.Monotonic() - due
		if behind >= int64(Period) {
			r.Skipped++
			all.drain()
			continue
		}
		if len(late) < cap(late) {
			late = append(late, behind)
		}
		for _, m := range all {
			m.timed(&r)
		}
		r.Ticks++
	}
	r.Late = time.Duration(measure.Quantile(late, 0.99))
	return r
}

// timed does one tick, or its bare calls where the check is at those.
func (m *Mixer) timed(r *Report) {
	if !m.config.Check {
		m.Tick()
		return
	}
	start := wire.ThreadCPU()
	if r.Ticks/block%2 == 0 {
		m.Tick()
		r.Check.Ticks++
		r.Check.InTick += wire.ThreadCPU() - start
	} else {
		m.Bare()
		r.Check.Bares++
		r.Check.InBare += wire.ThreadCPU() - start
	}
}

// drain throws away what came before the first tick, or for one that is skipped: with one
// receive a tick it would stay in the queue as delay.
func (all rooms) drain() {
	for _, m := range all {
		for _, l := range m.legs {
			for l.socket.Receive(l.buffer[:]) > 0 {
			}
		}
	}
}
