package forwarder

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/confd/confd/forwarder/egress"
	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/transport"
)

const second = int64(time.Second)

// worker is the goroutine that owns some of the conferences. It sleeps in its poller.
type worker struct {
	engine *Engine
	poller *transport.Poller // nil in tests that take the turns
	mail   mailbox
	clock  func() int64

	now   int64  // of the turn, monotonic ns; renewed in long ones
	turns uint64 // counts them
	wheel wheel
	due   []*Line
	space egress.Workspace

	lines  []*Line // by token; nil where a token is free
	free   []int   // tokens
	phase  int     // of the next line's housekeeping
	ready  [256]transport.Token
	fresh  []*Line // whose rings may hold whole pictures
	round  []*Line // those of them that have their turn
	looked int64   // when the sockets were looked at last
	heard  int64   // when a packet came last

	conferences atomic.Int32
	members     atomic.Int32
	used        atomic.Int64 // share of its time that it worked, millionths, smoothed
	began       int64        // of what used counts
	busy        int64
	yielded     int64
}

func newWorker(e *Engine) *worker { return &worker{engine: e, clock: clock.Now} }

// load says how much the worker has to do, to compare. Any goroutine may call it.
func (w *worker) load() int64 {
	return w.used.Load()/50_000<<32 + int64(w.members.Load()+w.conferences.Load())
}

// run is the worker's goroutine.
func (w *worker) run() {
	defer w.engine.wait.Done()
	defer w.end()
	wait := time.Duration(-1)
	for !w.engine.closed.Load() {
		w.yield(w.clock() + int64(wait))
		n, err := w.poller.Wait(wait, w.ready[:])
		if err != nil { // there is no such case; if there were, it must not spin
			w.engine.stats.faults.Add(1)
			time.Sleep(time.Duration(step))
		}
		now := w.clock()
		wait = w.turn(now, w.ready[:n])
		w.account(now, w.clock())
	}
}

// yieldEvery is how often the worker has to go through the scheduler: the runtime's monitor
// interrupts whoever has not for 10 ms, by a signal to the thread, and then looks around every 20 µs
// for a while.
const yieldEvery = 10 * int64(time.Millisecond)

// yield goes through the scheduler if otherwise that would not happen before next, in time.
func (w *worker) yield(next int64) {
	if next-w.yielded > yieldEvery {
		runtime.Gosched()
		w.yielded = w.clock()
	}
}

// account notes how busy the worker is, over a second or so.
func (w *worker) account(from, to int64) {
	w.busy += to - from
	if w.began == 0 {
		w.began = from
	}
	if over := to - w.began; over >= second/2 {
		share := w.busy * 1_000_000 / over
		w.used.Store((w.used.Load() + share) / 2)
		w.began, w.busy = to, 0
	}
	w.engine.stats.turns.Observe(to - from)
}

// take serves a line from now on.
func (w *worker) take(l *Line) {
	if n := len(w.free); n > 0 {
		l.token, w.free = w.free[n-1], w.free[:n-1]
		w.lines[l.token] = l
	} else {
		l.token = len(w.lines)
		w.lines = append(w.lines, l)
	}
	w.members.Add(1)
	w.engine.stats.lines.Add(1)
	w.phase = (w.phase + 1) % phases
	l.houseAt = w.now - w.now%housekeeping + housekeeping + int64(w.phase)*housekeeping/phases
	l.sockets = l.port.Descriptors()
	l.resting, l.fresh = true, false
	w.wheel.set(l, w.now) // wakes on its sockets from then on
}

// leave lets a line go.
func (w *worker) leave(l *Line) {
	w.rest(l)
	w.wheel.drop(l)
	if l.fresh {
		w.fresh = remove(w.fresh, l)
		l.fresh = false
	}
	w.lines[l.token] = nil
	w.free = append(w.free, l.token)
	l.token = -1
	w.members.Add(-1)
	w.engine.stats.lines.Add(-1)
}

// rest has a line's sockets wake nobody.
func (w *worker) rest(l *Line) {
	if !l.resting {
		l.resting = true
		if w.poller != nil {
			w.poller.Remove(transport.Token(l.token), l.sockets...)
		}
	}
}

// rise has them wake the worker again. Where the system does not grant that, the line goes
// on being looked at every few milliseconds.
func (w *worker) rise(l *Line) {
	if w.poller == nil || w.poller.Add(transport.Token(l.token), l.sockets...) == nil {
		l.resting = false
	}
}

// rescue ends what panicked in a conference; it is deferred.
func (w *worker) rescue(c *Conference) {
	if f := recover(); f != nil {
		c.fail(f, debug.Stack())
	}
}
