package rooms

import (
	"sync"
	"sync/atomic"

	"github.com/confd/confd/forwarder"
)

// videoStage is what a room needs of the forwarder, which *forwarder.Conference has. Changes
// are queued and happen in the order in which they were asked for; none of its methods blocks.
type videoStage interface {
	Add(l *forwarder.Line) error
	Remove(l *forwarder.Line, done func())
	Configure(l *forwarder.Line, c forwarder.LineConfig, do func())
	Show(l, source *forwarder.Line)
	RequestKeyFrame(l *forwarder.Line)
	Close(done func())
}

// screen is a stage to which lines may be on their way from another one: what is asked of it
// meanwhile waits.
type screen struct {
	stage videoStage

	mu    sync.Mutex
	queue []*landing // the first is not here yet
}

// landing is the arrival of a line, or what was asked for after it.
type landing struct {
	op    func(videoStage)
	ready bool
}

// do has op happen behind the lines that are on their way here.
func (s *screen) do(op func(videoStage)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		op(s.stage)
		return
	}
	s.queue = append(s.queue, &landing{op, true})
}

// expect queues the arrival of a line, which happens once the other stage has let go of it
// and calls land.
func (s *screen) expect(arrive func(videoStage)) (land func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := &landing{op: arrive}
	s.queue = append(s.queue, one)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		one.ready = true
		for len(s.queue) > 0 && s.queue[0].ready {
			s.queue[0].op(s.stage)
			s.queue = s.queue[1:]
		}
	}
}

// tally calls done once, when all that it waits for has happened, and finish was called. done
// may be called by any goroutine.
type tally struct {
	left atomic.Int32
	done func()
}

func newTally(done func()) *tally {
	t := &tally{done: done}
	t.left.Store(1)
	return t
}

// more has t wait for another call, of what it returns.
func (t *tally) more() func() {
	t.left.Add(1)
	return t.finish
}

// finish ends one wait, the first of them that of who made t.
func (t *tally) finish() {
	if t.left.Add(-1) == 0 {
		t.done()
	}
}
