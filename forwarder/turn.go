package forwarder

import (
	"time"

	"github.com/confd/confd/forwarder/ingress"
	"github.com/confd/confd/transport"
)

const (
	// pollLimit is how many datagrams of a line are read at a time: so many as a fast sender
	// has in a few milliseconds, so few that the others' do not wait for long.
	pollLimit = 64
	// effortRate is how many datagrams are read of a line for each one that it may send;
	// beyond that its sockets are looked at only every restFor.
	effortRate = 2
	restFor    = 5 * int64(time.Millisecond)
	// lookEvery bounds how long a fan-out goes on before the sockets are looked at again. They
	// hold the packets of some 20 ms even at 4 Mbit/s.
	lookEvery  = 4 * int64(time.Millisecond)
	lookOffers = 16 // offers between two looks at the clock
	// napFor is how long the worker sleeps at most while pictures come: after 10 ms in one
	// system call the runtime's monitor takes its processor away, see yieldEvery. It is longer than
	// from one moment of housekeeping to the next.
	napFor = 9 * int64(time.Millisecond)
	// turnFor bounds how long pictures are handed out before what is due has its turn.
	turnFor = 10 * int64(time.Millisecond)
)

// turn does all that there is to do at now, monotonic ns: for the lines of which ready has the
// tokens, and for those that are due. It returns how long the worker may sleep, less than 0
// for as long as nothing comes.
func (w *worker) turn(now int64, ready []transport.Token) time.Duration {
	w.now, w.looked = now, now
	w.turns++
	w.apply()
	w.drain(ready)
	w.due = w.wheel.take(now, w.due[:0])
	for i, l := range w.due {
		visit(w.due, i)
		w.serve(l)
	}
	for len(w.fresh) > 0 && w.now-now < turnFor {
		w.forward()
	}
	return w.sleep()
}

// sleep returns how long there is nothing to do.
func (w *worker) sleep() time.Duration {
	next := w.wheel.next()
	switch {
	case len(w.fresh) > 0:
		return 0
	case next == 0:
		return -1
	case w.now-w.heard < second:
		next = min(next, w.now+napFor)
	}
	return time.Duration(max(next-w.now, 0))
}

// drain takes what has arrived for the lines whose tokens are given.
func (w *worker) drain(ready []transport.Token) {
	for _, token := range ready {
		if l := w.lines[token]; l != nil { // it may have left since
			w.poll(l, pollLimit)
		}
	}
}

// poll takes what has arrived for a line, so many datagrams at most, and has its port do what
// is due.
func (w *worker) poll(l *Line, limit int) {
	defer w.rescue(l.conf)
	if l.conf.failed {
		w.rest(l)
		return
	}
	n := l.port.Poll(w.now, limit, &l.in)
	if !l.in.effort.spend(w.now, n) && !l.resting {
		l.in.count.Floods++
		w.rest(l)
		w.wheel.set(l, w.now+restFor)
	}
}

// freshen notes that a line's rings may hold whole pictures.
func (w *worker) freshen(l *Line) {
	if !l.fresh {
		l.fresh = true
		w.fresh = append(w.fresh, l)
	}
}

// forward hands out one picture of each line that may have one: in turn, so that who sends
// many delays nobody.
func (w *worker) forward() {
	w.round, w.fresh = w.fresh, w.round[:0]
	for i, l := range w.round {
		w.round[i] = nil
		l.fresh = false
		w.forwardOne(l)
	}
}

func (w *worker) forwardOne(l *Line) {
	defer w.rescue(l.conf)
	if l.conf.failed {
		return
	}
	if l.in.forward(w.now) {
		w.freshen(l)
		return
	}
	l.in.repair(w.now)
}

// fan offers a picture to all who look at its source.
func (w *worker) fan(source *Line, f *ingress.Frame) {
	all := source.in.watchers
	for i, l := range all {
		if i%lookOffers == lookOffers-1 {
			w.look()
		}
		ahead(all, i)
		l.out.offer(f, w.now)
	}
	w.engine.stats.frames.Add(1)
	w.engine.stats.delay.Observe(w.clock() - f.Done)
}

// look sees to the sockets in the midst of a long fan-out.
func (w *worker) look() {
	w.now = w.clock()
	if w.poller == nil {
		return
	}
	w.yield(w.now + step)
	if w.now-w.looked < lookEvery {
		return
	}
	w.engine.stats.looks.Add(1)
	n, _ := w.poller.Wait(0, w.ready[:])
	w.drain(w.ready[:n])
	w.looked = w.now
}
