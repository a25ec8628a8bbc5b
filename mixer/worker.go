package mixer

import (
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/internal/inbox"
)

// worker is the thread that owns the conferences: it ticks them, slot by slot, on an absolute
// clock, and calls the crew's helpers for a slot that is too much for one. With nothing to do
// it is parked without a timer.
type worker struct {
	engine  *Engine
	slots   [][]*Conference
	demands []demand // of the slots
	worth   int64    // ns of a slot's work that one thread is left with
	count   int      // conferences in slots

	line           []*Conference // the slot that is being ticked
	due, mediaTime int64         // of its tick
	each           part          // w.alone

	arrived inbox.Inbox[*Conference]
	wake    chan struct{}

	start int64 // monotonic ns of tick 0, slot 0
	tick  int64 // periods since

	late atomic.Int64 // ns, smoothed
}

func newWorker(e *Engine) *worker {
	n := e.cfg.Slots
	w := &worker{engine: e, slots: make([][]*Conference, n), demands: make([]demand, n), wake: make(chan struct{}, 1)}
	w.each = w.alone
	return w
}

// adopt hands a conference with something to do to the worker.
func (w *worker) adopt(c *Conference) {
	w.arrived.Add(c)
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run is the worker's thread.
func (w *worker) run(ready *sync.WaitGroup) {
	defer w.engine.wait.Done()
	defer w.engine.crew.close()
	// Never unlocked: the thread, with its priority, ends with the goroutine.
	runtime.LockOSThread()
	own := w.engine.crew.hands[0]
	w.engine.ready(own)
	defer own.shut()
	ready.Done()
	for w.engage() {
		w.period()
	}
}

// engage takes new conferences in and, when there is none at all, waits for one. It
// reports false when the engine closes.
func (w *worker) engage() bool {
	for {
		select {
		case <-w.engine.done:
			return false
		default:
		}
		w.take()
		if w.count > 0 {
			return true
		}
		w.engine.crew.idle()
		select {
		case <-w.engine.done:
			return false
		case <-w.wake:
		}
		w.start = 0
	}
}

// take gives new conferences the least busy slot.
func (w *worker) take() {
	for _, c := range w.arrived.Take(nil) {
		i := 0
		for j := range w.slots {
			if w.members(j) < w.members(i) {
				i = j
			}
		}
		w.slots[i] = append(w.slots[i], c)
		w.count++
	}
}

func (w *worker) members(slot int) (n int32) {
	for _, c := range w.slots[slot] {
		n += c.members.Load() + 1
	}
	return n
}

// maxCatchUp is how many periods the worker makes up for by ticking without a pause; when
// it is later than that, the time is given up and counted.
const maxCatchUp = 3

// period runs every slot once, each at its time.
func (w *worker) period() {
	period := int64(w.engine.cfg.Period)
	now := clock.Now()
	if w.start == 0 {
		w.start, w.tick = now-now%period, 0
	}
	w.tick++
	due := w.start + w.tick*period
	if behind := (now - due) / period; behind > maxCatchUp {
		w.engine.stats.Rebased.Add(uint64(behind))
		w.tick += behind
		due += behind * period
	}
	w.worth = w.worthOfThread()
	var busy int64
	for i := range w.slots {
		if len(w.slots[i]) > 0 {
			busy += w.slot(i, due+int64(i)*period/int64(len(w.slots)), due)
		}
	}
	w.engine.crew.load(busy)
}

// worthOfThread returns how much work, ns, is left to one thread, since waking another one, and
// waiting for it at the end of each stage, costs more than it brings: half a period, but less
// than lies between two slots.
func (w *worker) worthOfThread() int64 {
	period, used := int64(w.engine.cfg.Period), 0
	for _, s := range w.slots {
		used += min(len(s), 1)
	}
	if used > 1 {
		return min(period/2, period/int64(len(w.slots))*4/5)
	}
	return period / 2
}

// slot waits for the slot's time and ticks its conferences. It returns how long that took.
func (w *worker) slot(i int, due, mediaTime int64) int64 {
	clock.SleepKeeping(due)
	began := clock.Now()
	stats := &w.engine.stats
	stats.Late.Observe(began - due)
	w.late.Store(w.late.Load() + (began-due-w.late.Load())/16)
	helped := stats.Helped.Load()
	w.line, w.due, w.mediaTime = w.slots[i], due, mediaTime
	w.pass(w.engine.threads(&w.demands[i]))
	stats.Ticks.Add(uint64(len(w.line)))
	before := len(w.slots[i])
	w.slots[i] = slices.DeleteFunc(w.slots[i], (*Conference).sleeping)
	w.count -= before - len(w.slots[i])
	took := clock.Now() - began
	stats.Busy.Observe(took)
	w.demands[i].observe(took+stats.Helped.Load()-helped, w.worth)
	return took
}

// pass ticks the conferences in line, with so many threads: first those that are worth
// several each, in parts, then the others, each by whoever is free.
func (w *worker) pass(threads int) {
	r := w.engine.crew
	r.begin(threads)
	defer r.end()
	hands := r.hands[:1]
	if threads > 1 {
		hands = r.hands // any of them may come
	}
	for _, h := range hands {
		h.timer.begin(w.tick%timeEvery == 0)
	}
	whole := 0
	for _, c := range w.line {
		if c.split = threads > 1 && w.engine.threads(&c.demand) > 1; c.split {
			w.guard(r.hands[0], c)
		} else {
			whole++
		}
	}
	w.engine.stats.Splits.Add(uint64(len(w.line) - whole))
	if whole > 0 {
		r.run(nil, len(w.line), 1, w.each)
	}
	hands[0].settle()
	total := &hands[0].timer
	for _, h := range hands[1:] {
		total.add(&h.timer)
	}
	total.publish(&w.engine.stats)
}

// alone ticks some of the conferences in line, those that are not split.
func (w *worker) alone(_ *Conference, h *hand, from, to int) {
	some := w.line[from:to]
	for i, c := range some {
		if c.split {
			continue
		}
		if i+1 < len(some) {
			c.after = some[i+1]
		}
		w.guard(h, c)
		c.after = nil // which is only what it was while this thread has both
	}
}

// guard ticks a conference. If that panics the fault stays in that conference: its room is
// told and ends, everyone else's goes on.
func (w *worker) guard(h *hand, c *Conference) {
	defer func() {
		switch f := recover().(type) {
		case nil:
		case *fault:
			c.fail(f.reason, f.stack)
		default:
			c.fail(f, debug.Stack())
		}
	}()
	c.hand = h
	if c.failed {
		c.apply()
		c.end(w.due, w.mediaTime)
		return
	}
	began, helped := clock.Now(), w.engine.stats.Helped.Load()
	h.timer.last = began
	c.tick(began, w.due, w.mediaTime, &h.timer)
	cost := clock.Now() - began
	if c.split {
		cost += w.engine.stats.Helped.Load() - helped
	}
	c.demand.observe(cost, w.worth)
}

// timeEvery is how often, in periods, the stages are timed: in rooms of five, reading the clock for
// each costs a twentieth of what is done besides system calls.
const timeEvery = 16

// stageTimer adds up how long each stage took over the rooms of a slot.
type stageTimer struct {
	on    bool
	last  int64
	spent [stageCount]int64
}

func (t *stageTimer) begin(on bool) {
	t.on = on
	clear(t.spent[:])
}

// resume leaves out the time since the last lap.
func (t *stageTimer) resume() {
	if t.on {
		t.last = clock.Now()
	}
}

// lap charges the time since the last lap to a stage.
func (t *stageTimer) lap(stage int) {
	if !t.on {
		return
	}
	now := clock.Now()
	t.spent[stage] += now - t.last
	t.last = now
}

// add takes in what another thread spent at the same time.
func (t *stageTimer) add(other *stageTimer) {
	for i, ns := range other.spent {
		t.spent[i] += ns
	}
}

func (t *stageTimer) publish(stats *counters) {
	if !t.on {
		return
	}
	for i, ns := range t.spent {
		stats.Stages[i].Observe(ns)
	}
}
