package phone

import (
	"container/heap"
	"sync"
	"time"
)

// paced is called at its due time and returns when it is due next, or zero for never.
type paced interface {
	tick(due time.Time) time.Time
}

// pacer is the one goroutine that all phones of a process share. It runs while there is
// anything to pace.
type pacer struct {
	mu      sync.Mutex
	queue   schedule
	running bool
	wake    chan struct{}
}

var pace = pacer{wake: make(chan struct{}, 1)}

func (p *pacer) add(x paced, due time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	heap.Push(&p.queue, entry{due, x})
	if !p.running {
		p.running = true
		go p.run()
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *pacer) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		e, wait, ok := p.next()
		if !ok {
			return
		}
		if wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-p.wake:
			}
			continue
		}
		if due := e.what.tick(e.due); !due.IsZero() {
			p.mu.Lock()
			heap.Push(&p.queue, entry{due, e.what})
			p.mu.Unlock()
		}
	}
}

func (p *pacer) next() (e entry, wait time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		p.running = false
		return e, 0, false
	}
	if wait = time.Until(p.queue[0].due); wait > 0 {
		return e, wait, true
	}
	return heap.Pop(&p.queue).(entry), 0, true
}

type entry struct {
	due  time.Time
	what paced
}

type schedule []entry

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].due.Before(s[j].due) }
func (s schedule) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *schedule) Push(x any)        { *s = append(*s, x.(entry)) }
func (s *schedule) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}
