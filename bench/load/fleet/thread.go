//go:build linux

package fleet

import (
	"context"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/confd/confd/bench/wire"
	"github.com/confd/confd/internal/clock"
)

// thread sends and receives for a part of the callers. What is in it, and in its callers,
// belongs to who holds its lock.
type thread struct {
	mu     sync.Mutex
	number int
	now    func() int64

	realTime bool // it asks for that priority

	origin  int64 // of the wheel's time
	wheel   wheel
	callers []*caller
	out     [2048]byte
	in      [maxDatagram]byte

	posts   []*post // none, and no boxes, unless callers share sockets
	outbox  *wire.Outbox
	inbox   *wire.Inbox
	posting *post               // whose packets are in the outbox
	senders [wire.Batch]*caller // theirs
	strays  int

	arrived arrived
	late    lateness
	id      worker

	clockRate            int64
	offset               int64 // of the kernel's stamps from clock.Now
	measured             int64 // when
	sent, received, lost int64 // since New
}

// maxDatagram is how long a packet may be; longer ones are cut.
const maxDatagram = 4096

// longestSleep, ns, is shorter than what lies between Connect and the first packet.
const longestSleep = int64(10 * time.Millisecond)

func (t *thread) run(ctx context.Context) {
	runtime.LockOSThread() // never unlocked: the thread ends with its nice value
	if !t.realTime || clock.RealTime() != nil {
		prefer()
	}
	t.id.begin()
	defer t.id.end()
	for ctx.Err() == nil {
		clock.SleepUntil(t.turn(t.now()))
	}
}

// turn visits the callers of all slots up to now, and returns when the next is.
func (t *thread) turn(now int64) int64 {
	for {
		t.mu.Lock()
		t.measure(now)
		if t.origin+t.wheel.next*t.wheel.slot <= now {
			t.visit(t.wheel.take())
		}
		t.wheel.skip(int(longestSleep / t.wheel.slot))
		next := t.origin + t.wheel.next*t.wheel.slot
		if next > now {
			t.collect(now)
		}
		t.mu.Unlock()
		if next > now {
			return next
		}
	}
}

func (t *thread) visit(lists [2]list) {
	for _, l := range lists {
		for c := l.first; c != nil; {
			after := c.after
			if c.live {
				t.wheel.put(c, c.visit(t, t.now())-t.origin)
			} else {
				c.placed = false
			}
			c = after
		}
	}
	if t.outbox != nil {
		t.flush()
	}
}

// measureEvery is how often, ns, the kernel's clock of arrivals is compared.
const measureEvery = int64(100e6)

func (t *thread) measure(now int64) {
	if now-t.measured < measureEvery {
		return
	}
	t.measured, t.offset = now, wire.RealtimeAhead(clock.Now)
}

// worker is a thread of the kernel whose processor time is known.
type worker struct {
	mu   sync.Mutex
	tid  int
	base time.Duration // that its thread had used before it began
	used time.Duration // by its former threads
}

func (w *worker) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tid, w.base = unix.Gettid(), wire.ThreadCPU()
}

func (w *worker) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tid, w.used = 0, w.used+wire.ThreadCPU()-w.base
}

// eagerness is the nice value of threads that send.
const eagerness = -15

// prefer lets the calling thread go before most others, if that is permitted, so that callers
// do not wait for what they measure. It asks for no real-time priority: where load and server
// together keep a machine busy, the kernel stops real-time threads for 50 ms of each second.
func prefer() {
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, eagerness) // Report.Late tells how it goes without
}

// cpu returns the processor time used since the worker began.
func (w *worker) cpu() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tid == 0 {
		return w.used
	}
	return w.used + wire.CPUOfThread(w.tid) - w.base
}

// lateness is how late packets left, in steps of 50 µs.
type lateness struct {
	counts [1000]uint32
	n      uint64
}

const lateStep = int64(50 * time.Microsecond)

func (l *lateness) add(late int64) {
	l.counts[min(max(late, 0)/lateStep, int64(len(l.counts)-1))]++
	l.n++
}

func (l *lateness) merge(o *lateness) {
	for i, n := range o.counts {
		l.counts[i] += n
	}
	l.n += o.n
}

// quantile returns the upper end of the step in which the share q ends.
func (l *lateness) quantile(q float64) time.Duration {
	left := uint64(q * float64(l.n))
	for i, n := range l.counts {
		if uint64(n) > left {
			return time.Duration(int64(i+1) * lateStep)
		}
		left -= uint64(n)
	}
	return 0
}
