package socket

import (
	"sync"
	"time"
)

// patience is after how long interfaces are looked at though nobody said that they changed.
const patience = 10 * time.Second

// watcher calls everyone who watches when an interface, address or route may have changed.
// One goroutine serves all receivers of the process and ends with the last.
type watcher struct {
	mu    sync.Mutex
	calls map[int]func()
	next  int
	stop  func() // ends the goroutine and waits for it; nil while there is none
}

var interfaces watcher

// Watch has f called, by another goroutine, when an interface, address or route may have
// changed, and every ten seconds, until halt is called; a call may then be under way still.
// Halt may wait for calls to return.
func Watch(f func()) (halt func()) { return interfaces.watch(f) }

func (w *watcher) watch(f func()) (halt func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.calls == nil {
		w.calls = map[int]func(){}
	}
	id := w.next
	w.next++
	w.calls[id] = f
	if w.stop == nil {
		w.stop = w.start()
	}
	return func() { w.halt(id) }
}

func (w *watcher) halt(id int) {
	w.mu.Lock()
	delete(w.calls, id)
	var stop func()
	if len(w.calls) == 0 {
		stop, w.stop = w.stop, nil
	}
	w.mu.Unlock()
	if stop != nil {
		stop()
	}
}

func (w *watcher) start() (stop func()) {
	changed, end := changes()
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		w.run(changed, done)
	}()
	return func() {
		close(done)
		end()
		<-over
	}
}

func (w *watcher) run(changed <-chan struct{}, done <-chan struct{}) {
	t := time.NewTicker(patience)
	defer t.Stop()
	for {
		select {
		case <-done:
			return
		case <-changed:
		case <-t.C:
		}
		for _, f := range w.all() {
			f()
		}
	}
}

func (w *watcher) all() (fs []func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.calls {
		fs = append(fs, f)
	}
	return fs
}
