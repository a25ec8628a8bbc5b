package forwarder

import (
	"fmt"
	"slices"
	"sync/atomic"
)

// ConferenceConfig is what a conference is made with.
type ConferenceConfig struct {
	// Events, if not nil, is told what happens, on the worker: it must not block.
	Events func(Event)
}

// Conference is the video half of a room: the lines that may be shown to one another. Its
// methods may be called by any goroutine, also from Events. They never wait for media: what
// they ask for is done in order, at the next turn of the worker.
type Conference struct {
	engine *Engine
	worker *worker
	cfg    ConferenceConfig

	count  atomic.Int32 // lines that were let in and have not left
	closed atomic.Bool

	lines  []*Line
	over   bool // all have left for good
	failed bool // a turn panicked: changes are still made, media is not touched
}

// Add takes a line in. It must not be in a conference, or its removal there must have been
// told by done. What was asked of it before, and its stream to the peer, go on. The error
// is ErrFull or ErrClosed.
func (c *Conference) Add(l *Line) error {
	if c.closed.Load() || c.engine.closed.Load() {
		return ErrClosed
	}
	if int(c.count.Add(1)) > c.engine.cfg.Lines {
		c.count.Add(-1)
		return ErrFull
	}
	c.worker.post(c, func() { c.add(l) })
	return nil
}

// Remove takes a line out; who was shown it is shown nothing, and it is shown nothing. Once
// done, if not nil, is called, on the worker, nothing touches the line or its port any more,
// and it may be added elsewhere. That happens also if the line was not in the conference.
func (c *Conference) Remove(l *Line, done func()) {
	c.worker.post(c, func() {
		c.remove(l)
		if done != nil {
			done()
		}
	})
}

// Configure changes how a line is served. do, if not nil, is called on the worker at that
// moment: for changes to the port, which belongs to the worker.
func (c *Conference) Configure(l *Line, cfg LineConfig, do func()) {
	c.worker.post(c, func() {
		if do != nil {
			do()
			c.rewatch(l)
		}
		c.configure(l, cfg)
	})
}

// Show has a line see a source from the source's next key frame on, which is asked for; until
// then what it sees runs on. nil shows nothing. A source of another conference, of another
// format, muted, or that may not send, shows nothing until that changes. A line may be shown itself.
func (c *Conference) Show(l, source *Line) {
	c.worker.post(c, func() {
		if !c.has(l) {
			return
		}
		if source != nil && !c.has(source) {
			source = nil
		}
		l.out.show(source)
	})
}

// RequestKeyFrame asks the source that a line is shown for a key frame, because the peer at
// the line said by signalling that it needs one. It counts as a PLI does: floods are ignored.
func (c *Conference) RequestKeyFrame(l *Line) {
	c.worker.post(c, func() {
		if c.has(l) {
			l.out.request(c.worker.now)
		}
	})
}

// Close takes all lines out, and takes none in any more. done, if not nil, is called on the
// worker when that has happened. Further calls only call done.
func (c *Conference) Close(done func()) {
	c.closed.Store(true)
	c.worker.post(c, func() {
		for len(c.lines) > 0 {
			c.remove(c.lines[len(c.lines)-1])
		}
		if !c.over {
			c.over = true
			c.worker.conferences.Add(-1)
		}
		if done != nil {
			done()
		}
	})
}

func (c *Conference) add(l *Line) {
	if c.over || !l.owner.CompareAndSwap(nil, c) {
		c.count.Add(-1)
		return
	}
	l.conf, l.worker = c, c.worker
	c.lines = append(c.lines, l)
	c.worker.take(l)
	l.in.open()
	l.out.open()
}

func (c *Conference) remove(l *Line) {
	if !c.has(l) {
		return
	}
	l.out.close()
	l.in.close()
	c.worker.leave(l)
	c.lines = remove(c.lines, l)
	c.count.Add(-1)
	l.publish(c.worker.now)
	l.conf, l.worker = nil, nil
	l.owner.Store(nil)
}

// has tells whether a line, which may be another worker's, is in the conference.
func (c *Conference) has(l *Line) bool { return l.owner.Load() == c }

// configure puts cfg into force. A line of no conference only remembers it.
func (c *Conference) configure(l *Line, cfg LineConfig) {
	cfg = cfg.withDefaults()
	old := l.cfg
	if !c.has(l) {
		if l.owner.Load() == nil {
			l.cfg = cfg
		}
		return
	}
	l.cfg = cfg
	l.in.reconfigure(&old)
	l.out.reconfigure()
}

// rewatch has the worker wait for other sockets of a line, if these are others now.
func (c *Conference) rewatch(l *Line) {
	if !c.has(l) {
		return
	}
	if now := l.port.Descriptors(); !slices.Equal(now, l.sockets) {
		c.worker.rest(l)
		l.sockets = now
		c.worker.wheel.set(l, c.worker.now)
	}
}

func (c *Conference) emit(e Event) {
	if c.cfg.Events != nil {
		c.cfg.Events(e)
	}
}

// fail takes the conference out of service after a panic.
func (c *Conference) fail(fault any, stack []byte) {
	c.engine.stats.panics.Add(1)
	if c.failed {
		return
	}
	c.failed = true
	c.emit(Event{Kind: Failed, Err: fmt.Errorf("forwarder: panic in a turn: %v\n%s", fault, stack)})
}

// remove takes the first v out of s; the order of the rest is lost.
func remove[T comparable](s []T, v T) []T {
	for i := range s {
		if s[i] == v {
			last := len(s) - 1
			s[i] = s[last]
			var zero T
			s[last] = zero
			return s[:last]
		}
	}
	return s
}
