//go:build linux

package fleet

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/confd/confd/bench/load/signal"
	"github.com/confd/confd/codec"
	"github.com/confd/confd/internal/clock"
)

const (
	// earsPerThread keep a thread half busy with G.711.
	earsPerThread = 600
	// ringSize holds a tenth of a second of twice as many.
	ringSize = 1 << 21
	// listenEvery is how long, ns, a listener sleeps.
	listenEvery = int64(5 * time.Millisecond)
	// atOnce is how many packets are judged before others may have the lock.
	atOnce = 16
)

// listener judges what comes to the ears of its rooms. What is in it, and in its rooms'
// judgement, belongs to who holds its lock.
type listener struct {
	mu     sync.Mutex
	rings  []*ring // from each thread
	ears   []*ear  // by number; nil where none is
	rounds []uint32
	late   delays // since it was last taken
	id     worker
}

// ear is one stream that is decoded and judged.
type ear struct {
	number  uint32
	caller  *caller
	room    *room
	since   int64 // it listens
	lasting bool  // it is the reference's
	stream  stream
}

// tap leads a caller's packets to its ear.
type tap struct {
	ear, round uint32
	ring       *ring
}

func newListener(threads int) *listener {
	l := &listener{}
	for range threads {
		l.rings = append(l.rings, newRing(ringSize))
	}
	return l
}

func (l *listener) run(ctx context.Context) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l.id.begin()
	defer l.id.end()
	for due := clock.Now(); ctx.Err() == nil; due = max(due+listenEvery, clock.Now()) {
		clock.SleepUntil(due)
		for _, r := range l.rings {
			for l.listen(r) {
			}
		}
	}
}

// listen judges some packets of a ring, and tells whether there may be more.
func (l *listener) listen(r *ring) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	var a arrived
	for range atOnce {
		tail, ok := r.pop(&a)
		if !ok {
			return false
		}
		if e := l.ears[a.ear]; e != nil && l.rounds[a.ear] == a.round {
			e.stream.take(&a)
		}
		r.done(tail)
	}
	return true
}

// add gives an ear a number.
func (l *listener) add(e *ear) (round uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	free := slices.Index(l.ears, nil)
	if free < 0 {
		free = len(l.ears)
		l.ears, l.rounds = append(l.ears, nil), append(l.rounds, 0)
	}
	e.number = uint32(free)
	l.ears[free] = e
	l.rounds[free]++
	return l.rounds[free]
}

// remove takes an ear away, and keeps what it judged.
func (l *listener) remove(e *ear) (sound bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ears[e.number] = nil
	e.room.judged.add(e)
	return e.judged()
}

// judged tells whether the ear has judged anything in the window.
func (e *ear) judged() bool {
	t := e.stream.ear.Totals()
	return t.Expected+t.Crowded > 0
}

// hear gives a caller an ear. f.mu is held.
func (f *Fleet) hear(c *caller, lasting bool) error {
	e := &ear{caller: c, room: c.room, since: clock.Now(), lasting: lasting}
	self := signal.NoOne
	if c.track != nil {
		self = c.seat
	}
	var err error
	s := &e.stream
	s.format, s.kind = f.config.Codec.Format, c.kind
	if s.decoder, err = codec.NewDecoder(s.format); err != nil {
		return fmt.Errorf("fleet: %w", err)
	}
	l := c.room.listener
	s.ear, err = signal.NewEar(c.room.plan, signal.EarConfig{Rate: s.format.SampleRate, Epoch: c.room.epoch, Self: self,
		CodecDelay: 2 * f.config.Codec.lookAhead(), Found: func(x signal.Finding) { l.found(e, x) }})
	if err != nil {
		return fmt.Errorf("fleet: %w", err)
	}
	s.to = s.ear
	for _, other := range c.room.seats[:min(f.config.Talkers, len(c.room.seats))] {
		if other.announced {
			if err := s.ear.Begin(other.seat, other.talking); err != nil {
				return fmt.Errorf("fleet: %w", err)
			}
		}
	}
	s.ear.Forget(e.since)
	c.room.ears = append(c.room.ears, e)
	return c.listen(e, l)
}

// listen leads a caller's packets to its ear.
func (c *caller) listen(e *ear, l *listener) error {
	round := l.add(e)
	c.thread.mu.Lock()
	defer c.thread.mu.Unlock()
	if err := c.socket.StampArrivals(); err != nil {
		return fmt.Errorf("fleet: caller %d: %w", c.number, err)
	}
	c.tap = &tap{ear: e.number, round: round, ring: l.rings[c.thread.number]}
	return nil
}

// unhear takes an ear away. f.mu is held.
func (f *Fleet) unhear(e *ear) {
	c := e.caller
	c.thread.mu.Lock()
	c.tap = nil
	c.thread.mu.Unlock()
	if c.room.listener.remove(e) {
		c.sound = true
	}
	c.room.ears = slices.DeleteFunc(c.room.ears, func(x *ear) bool { return x == e })
	if e.lasting {
		c.room.guide.Store(nil)
		c.room.leader.Store(nobody)
	}
}

// announce tells a room's ears that a talker speaks. f.mu is held.
func (f *Fleet) announce(c *caller) error {
	l := c.room.listener
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range c.room.ears {
		if err := e.stream.ear.Begin(c.seat, c.talking); err != nil {
			return fmt.Errorf("fleet: caller %d: %w", c.number, err)
		}
	}
	c.announced = true
	return nil
}

// silence tells a room's ears that a talker stopped. f.mu is held.
func (f *Fleet) silence(c *caller) {
	if !c.announced {
		return
	}
	c.announced = false
	l := c.room.listener
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range c.room.ears {
		e.stream.ear.End(c.seat, c.spoke)
	}
}

// found keeps what an ear found that is not in its totals. It is called with the listener's
// lock.
func (l *listener) found(e *ear, x signal.Finding) {
	switch x.Kind {
	case signal.Delayed:
		e.room.judged.delays.add(x.Time)
		l.late.add(x.Time)
	case signal.Own:
		e.caller.wrong.own++
	case signal.Unexpected:
		e.caller.wrong.unexpected++
	}
}
