package rooms

import (
	"container/heap"
	"sync"
	"time"
)

// deadlines calls functions at times to come, all with one timer: a room that waits has
// none of its own. The zero value is ready.
type deadlines struct {
	mu     sync.Mutex
	queue  deadlineQueue
	timer  *time.Timer
	closed bool
	calls  sync.WaitGroup
}

// deadline is one call to come.
type deadline struct {
	all  *deadlines
	at   time.Time
	call func()
	slot int // in the queue; -1 when it is not in it any more
}

// after has call called once d has passed, on a goroutine of its own.
func (a *deadlines) after(d time.Duration, call func()) *deadline {
	a.mu.Lock()
	defer a.mu.Unlock()
	one := &deadline{all: a, at: time.Now().Add(d), call: call, slot: -1}
	if !a.closed {
		heap.Push(&a.queue, one)
		a.arm()
	}
	return one
}

// cancel takes d back, if it is not too late. A nil deadline has been.
func (d *deadline) cancel() {
	if d == nil {
		return
	}
	d.all.mu.Lock()
	defer d.all.mu.Unlock()
	if d.slot >= 0 {
		heap.Remove(&d.all.queue, d.slot)
		d.all.arm()
	}
}

// arm sets the timer to the first deadline; a.mu is held.
func (a *deadlines) arm() {
	switch {
	case len(a.queue) == 0:
		if a.timer != nil {
			a.timer.Stop()
		}
	case a.timer == nil:
		a.timer = time.AfterFunc(time.Until(a.queue[0].at), a.ring)
	default:
		a.timer.Reset(time.Until(a.queue[0].at))
	}
}

// ring calls what is due.
func (a *deadlines) ring() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for now := time.Now(); len(a.queue) > 0 && !a.queue[0].at.After(now); {
		d := heap.Pop(&a.queue).(*deadline)
		a.calls.Go(d.call)
	}
	a.arm()
}

// close forgets all deadlines and waits for the calls under way.
func (a *deadlines) close() {
	a.mu.Lock()
	a.closed = true
	for _, d := range a.queue {
		d.slot = -1
	}
	a.queue = nil
	a.arm()
	a.mu.Unlock()
	a.calls.Wait()
}

// deadlineQueue implements heap.Interface, the earliest first.
type deadlineQueue []*deadline

func (q deadlineQueue) Len() int           { return len(q) }
func (q deadlineQueue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }

func (q deadlineQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].slot, q[j].slot = i, j
}

func (q *deadlineQueue) Push(d any) {
	d.(*deadline).slot = len(*q)
	*q = append(*q, d.(*deadline))
}

func (q *deadlineQueue) Pop() any {
	last := len(*q) - 1
	d := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	d.slot = -1
	return d
}
