package mixer

import (
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/confd/confd/internal/clock"
)

// worker is one mixing thread: it owns its conferences and ticks them, slot by slot, on an
// absolute clock. With nothing to do it is parked without a timer.
type worker struct {
	engine *Engine
	slots  [][]*Conference
	count  int // conferences in slots
	voices voicePool
	timer  stageTimer

	arrived inbox[*Conference]
	wake    chan struct{}

	start int64 // monotonic ns of tick 0, slot 0
	tick  int64 // periods since

	used atomic.Int64 // parts per million, smoothed
	late atomic.Int64 // ns, smoothed
}

func newWorker(e *Engine) *worker {
	return &worker{engine: e, slots: make([][]*Conference, e.cfg.Slots), wake: make(chan struct{}, 1)}
}

// adopt hands a conference with something to do to the worker.
func (w *worker) adopt(c *Conference) {
	w.arrived.add(c)
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run is the worker's thread.
func (w *worker) run(ready *sync.WaitGroup) {
	defer w.engine.wait.Done()
	// Never unlocked: the thread, with its priority, ends with the goroutine.
	runtime.LockOSThread()
	w.engine.prefer()
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
		w.used.Store(0)
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
	for _, c := range w.arrived.take(nil) {
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
	var busy int64
	for i := range w.slots {
		if len(w.slots[i]) > 0 {
			busy += w.slot(i, due+int64(i)*period/int64(len(w.slots)), due)
		}
	}
	w.load(busy, period)
}

// slot waits for the slot's time and ticks its conferences. It returns how long that took.
func (w *worker) slot(i int, due, mediaTime int64) int64 {
	clock.SleepUntil(due)
	began := clock.Now()
	stats := &w.engine.stats
	stats.Late.Observe(began - due)
	w.late.Store(w.late.Load() + (began-due-w.late.Load())/16)
	w.timer.begin(began)
	for _, c := range w.slots[i] {
		w.guard(c, due, mediaTime)
		stats.Ticks.Add(1)
	}
	w.timer.publish(stats)
	before := len(w.slots[i])
	w.slots[i] = slices.DeleteFunc(w.slots[i], (*Conference).sleeping)
	w.count -= before - len(w.slots[i])
	took := clock.Now() - began
	stats.Busy.Observe(took)
	return took
}

// guard ticks a conference. If that panics the fault stays in that conference: its room is
// told and ends, everyone else's goes on.
func (w *worker) guard(c *Conference, due, mediaTime int64) {
	defer func() {
		if fault := recover(); fault != nil {
			c.fail(fault, debug.Stack())
		}
	}()
	if c.failed {
		c.apply()
		c.end(due, mediaTime)
		return
	}
	c.tick(clock.Now(), due, mediaTime, &w.timer)
}

// load smooths the busy share over about a second.
func (w *worker) load(busy, period int64) {
	share := busy * 1e6 / period
	w.used.Store(w.used.Load() + (share-w.used.Load())/32)
}

// release takes an input's voice back.
func (w *worker) release(in *Input) {
	if in.voice != nil {
		w.voices.put(in.voice)
		in.voice = nil
	}
}

// voicePool keeps voices for reuse. It belongs to one worker.
type voicePool struct{ free []*voice }

// maxFreeVoices bounds what is kept beyond use.
const maxFreeVoices = 64

func (p *voicePool) get() *voice {
	if n := len(p.free); n > 0 {
		v := p.free[n-1]
		p.free = p.free[:n-1]
		return v
	}
	return newVoice()
}

func (p *voicePool) put(v *voice) {
	if len(p.free) < maxFreeVoices {
		v.current, v.last, v.quiet = nil, 0, false
		p.free = append(p.free, v)
	}
}

// stageTimer adds up how long each stage took over the rooms of a slot.
type stageTimer struct {
	last  int64
	spent [stageCount]int64
}

func (t *stageTimer) begin(now int64) {
	t.last = now
	clear(t.spent[:])
}

// lap charges the time since the last lap to a stage.
func (t *stageTimer) lap(stage int) {
	now := clock.Now()
	t.spent[stage] += now - t.last
	t.last = now
}

func (t *stageTimer) publish(stats *counters) {
	for i, ns := range t.spent {
		stats.Stages[i].Observe(ns)
	}
}
