package forwarder

import (
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/confd/confd/internal/inbox"
)

// mailbox is how control reaches a worker: changes wait in it for the worker's next turn, or
// are made by who asks once the worker has ended.
type mailbox struct {
	changes inbox.Inbox[change]
	taken   []change

	waking  sync.Mutex  // of control: the poller is not closed while one wakes the worker
	over    atomic.Bool // the worker has ended
	settles sync.Mutex  // of those who make changes then
}

// change is something that control wants done to a conference.
type change struct {
	conf *Conference
	do   func()
}

// post queues a change. Any goroutine may call it, also the worker.
func (w *worker) post(c *Conference, do func()) {
	w.mail.changes.Add(change{c, do})
	if w.mail.over.Load() {
		w.settle()
		return
	}
	w.wake()
}

// wake ends the worker's wait.
func (w *worker) wake() {
	w.mail.waking.Lock()
	defer w.mail.waking.Unlock()
	if w.poller != nil {
		w.poller.Wake()
	}
}

// apply makes the changes that were asked for, in order. In steady state it costs an atomic load.
func (w *worker) apply() {
	m := &w.mail
	if m.changes.Empty() {
		return
	}
	m.taken = m.changes.Take(m.taken[:0])
	for i := range m.taken {
		w.change(&m.taken[i])
	}
	clear(m.taken)
}

// change makes one. A panic stays in its conference.
func (w *worker) change(ch *change) {
	defer func() {
		if f := recover(); f != nil {
			ch.conf.fail(f, debug.Stack())
		}
	}()
	ch.do()
}

// end closes what control wakes the worker by, and makes the changes that nobody saw to.
func (w *worker) end() {
	w.mail.waking.Lock()
	_ = w.poller.Close()
	w.poller = nil
	w.mail.over.Store(true) // last: from here on the worker is whose who asks
	w.mail.waking.Unlock()
	w.settle()
}

// settle makes the changes that wait when there is no worker any more. One goroutine at a
// time does so; it sees to what others, or the changes themselves, add meanwhile.
func (w *worker) settle() {
	m := &w.mail
	for !m.changes.Empty() && m.settles.TryLock() {
		w.apply()
		m.settles.Unlock()
	}
}
