package webhook

import (
	"container/heap"
	"context"
	"time"
)

// job is a delivery in memory; Manager.mu guards it.
type job struct {
	Delivery
	saved bool // the store may know of it
}

// subscriber is a subscription at work; Manager.mu guards it.
type subscriber struct {
	Subscription
	lanes   map[string]*lane // by room; none is empty
	ready   fifo[*lane]      // whose first delivery is due
	dead    []*job           // oldest first
	pending int
	running int // attempts under way
	failing bool
	paused  time.Time // the endpoint asked for silence until then
	listed  bool      // in one of the manager's lists
	removed bool
	alarm   alarm
	status  Status
	ctx     context.Context // of its attempts
	cancel  context.CancelFunc
}

// lane is what waits for one subscription from one room. Its first delivery is sent until
// it is taken or given up; the others wait behind it.
type lane struct {
	sub     *subscriber
	room    string
	queue   fifo[*job]
	running bool
	alarm   alarm // when the first one's pause is over
}

func (m *Manager) newSubscriber(s Subscription) *subscriber {
	n := &subscriber{Subscription: s, lanes: map[string]*lane{}}
	n.alarm.sub = n
	n.ctx, n.cancel = context.WithCancel(m.ctx)
	return n
}

// add puts a delivery at the end of its room's lane.
func (m *Manager) add(s *subscriber, j *job, now time.Time) {
	l := s.lanes[j.Event.Room]
	fresh := l == nil
	if fresh {
		l = &lane{sub: s, room: j.Event.Room}
		l.alarm.lane = l
		s.lanes[l.room] = l
	}
	l.queue.push(j)
	s.pending++
	m.pending++
	if fresh {
		m.place(l, now)
	}
}

// full reports whether a subscriber's queue has no place for a room's next delivery.
func (m *Manager) full(s *subscriber, room string) bool {
	l := s.lanes[room]
	return s.pending >= m.cfg.QueueLength || l != nil && l.queue.len() >= m.cfg.RoomQueueLength
}

// shift takes a lane's first delivery out.
func (m *Manager) shift(l *lane) *job {
	l.sub.pending--
	m.pending--
	return l.queue.pop()
}

// place puts a lane that does not run where its first delivery belongs: among the ready
// ones, behind an alarm, or nowhere if it is empty.
func (m *Manager) place(l *lane, now time.Time) {
	m.alarms.clear(&l.alarm)
	if l.queue.len() == 0 {
		delete(l.sub.lanes, l.room)
		return
	}
	if next := l.queue.first().Next; next.After(now) {
		m.alarms.set(&l.alarm, next)
		return
	}
	l.sub.ready.push(l)
	m.enlist(l.sub)
}

// fifo is a queue.
type fifo[T any] struct{ items []T }

func (f *fifo[T]) len() int { return len(f.items) }
func (f *fifo[T]) push(v T) { f.items = append(f.items, v) }
func (f *fifo[T]) first() T { return f.items[0] }
func (f *fifo[T]) clear()   { f.items = nil }

func (f *fifo[T]) pop() T {
	var zero T
	v := f.items[0]
	f.items[0] = zero
	f.items = f.items[1:]
	return v
}

// alarm is a moment at which a lane or a subscriber is looked at again.
type alarm struct {
	at   time.Time
	slot int // in the heap, from 1; 0: not set
	lane *lane
	sub  *subscriber
}

// alarms is a heap of them, the next one first.
type alarms []*alarm

func (a *alarms) set(x *alarm, at time.Time) {
	x.at = at
	if x.slot > 0 {
		heap.Fix(a, x.slot-1)
		return
	}
	heap.Push(a, x)
}

func (a *alarms) clear(x *alarm) {
	if x.slot > 0 {
		heap.Remove(a, x.slot-1)
	}
}

func (a alarms) Len() int           { return len(a) }
func (a alarms) Less(i, j int) bool { return a[i].at.Before(a[j].at) }

func (a alarms) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].slot, a[j].slot = i+1, j+1
}

// Push is heap.Interface's.
func (a *alarms) Push(x any) {
	x.(*alarm).slot = len(*a) + 1
	*a = append(*a, x.(*alarm))
}

// Pop is heap.Interface's.
func (a *alarms) Pop() any {
	old := *a
	x := old[len(old)-1]
	old[len(old)-1] = nil
	*a = old[:len(old)-1]
	x.slot = 0
	return x
}
