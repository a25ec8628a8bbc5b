//go:build linux

package fleet

import (
	"time"

	"github.com/confd/confd/bench/load/signal"
	"github.com/confd/confd/internal/clock"
)

// Verification says how it is known that a caller heard what it should.
type Verification uint8

// Verifications.
const (
	Unverified Verification = iota // it is not
	BySound                        // an ear judged what it got; Room.Heard has the findings
	ByPayload                      // it got, packet for packet, what the reference of its room got
)

// String names the verification.
func (v Verification) String() string {
	return [...]string{"unverified", "by sound", "by payload"}[v]
}

// Caller is what one caller met in a window.
type Caller struct {
	Counts
	Connected bool // now
	Verified  Verification
	// Own and Unexpected are how often its ears found its own voice, and the voice of somebody
	// who did not speak then, or does not in its room.
	Own, Unexpected int
}

// Deaf tells whether a caller who is connected got no RTP in the window.
func (c *Caller) Deaf() bool { return c.Connected && c.Received == 0 }

// Room is what the ears of a room met in a window. They judge what was said since it began;
// what was said in its last four seconds, and what nobody said in its last eight, they have
// not judged yet.
type Room struct {
	Heard     signal.Totals  // by all its ears together
	Reference signal.Totals  // by the one that listens all the time
	Talkers   []signal.Tally // how often each was heard, by all ears together
	Delays    Delays
	Malformed int // packets that could not be decoded
}

// Unheard returns the talkers that had to be heard and never were.
func (r *Room) Unheard() (talkers []int) {
	for i, t := range r.Talkers {
		if t.Expected > 0 && t.Heard == 0 {
			talkers = append(talkers, i)
		}
	}
	return talkers
}

// Report is what a fleet met in a window.
type Report struct {
	Window  time.Duration
	Callers []Caller // all of them, by their number
	Rooms   []Room
	// Overflow is how many packets came to ears that were too busy: to them these are gaps.
	Overflow int
	// Strays is how many packets came to shared ports from where nobody's come: before a call
	// is connected, or when it has ended. To a port of its own the kernel lets none.
	Strays int
	// Late is the 99th percentile of how late packets left, to 50 µs, for want of processor
	// time; they leave at most 0.5 ms late besides if their clocks drift or their delays jitter.
	Late time.Duration
	CPU  time.Duration // that the fleet's threads used in the window, ears included
	// Trouble is the first error in giving a caller an ear since New; nil if there was none.
	Trouble error
}

// Counts returns the sum of all callers'.
func (r *Report) Counts() (all Counts) {
	for i := range r.Callers {
		all.Add(&r.Callers[i].Counts)
	}
	return all
}

// Heard returns what the ears of all rooms met together.
func (r *Report) Heard() (all signal.Totals, d Delays) {
	for i := range r.Rooms {
		all.Add(&r.Rooms[i].Heard)
		d.Add(r.Rooms[i].Delays)
	}
	return all, d
}

// Verified returns how many connected callers were verified, by how.
func (r *Report) Verified() (n [3]int) {
	for i := range r.Callers {
		if r.Callers[i].Connected {
			n[r.Callers[i].Verified]++
		}
	}
	return n
}

// Begin opens a window: what was counted before is forgotten, and what was said before is not
// judged any more.
func (f *Fleet) Begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := clock.Now()
	f.began, f.spent = now, f.cpu()
	for _, t := range f.threads {
		t.forget()
	}
	for _, l := range f.listeners {
		l.forget(now)
	}
	for _, r := range f.rooms {
		r.forget()
	}
	for _, c := range f.callers {
		c.sound = false
	}
}

// together is how many callers' counts are read or forgotten before their thread may go on.
const together = 128

// each calls do for each caller, with the lock held.
func (t *thread) each(do func(*caller)) {
	for i := 0; i < len(t.callers); i += together {
		t.mu.Lock()
		for _, c := range t.callers[i:min(i+together, len(t.callers))] {
			do(c)
		}
		t.mu.Unlock()
	}
}

func (t *thread) forget() {
	t.each(func(c *caller) { c.counts = Counts{} })
	t.mu.Lock()
	t.strays = 0
	defer t.mu.Unlock()
	t.late = lateness{}
}

func (l *listener) forget(now int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.ears {
		if e != nil {
			e.stream.ear.Forget(now)
			e.stream.malformed = 0
		}
	}
	for _, r := range l.rings {
		r.overflow.Store(0)
	}
}

func (r *room) forget() {
	r.listener.mu.Lock()
	defer r.listener.mu.Unlock()
	r.judged = judged{tallies: make([]signal.Tally, len(r.judged.tallies))}
	for _, c := range r.seats {
		c.wrong = wrong{}
	}
}

// Report returns the window since Begin, or New.
func (f *Fleet) Report() *Report {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := &Report{Window: time.Duration(clock.Now() - f.began), CPU: f.cpu() - f.spent, Callers: make([]Caller, len(f.callers)),
		Trouble: f.trouble}
	late := lateness{}
	for _, t := range f.threads {
		t.each(func(c *caller) { r.Callers[c.number] = c.report() })
		t.mu.Lock()
		late.merge(&t.late)
		r.Strays += t.strays
		t.mu.Unlock()
	}
	r.Late = late.quantile(0.99)
	for _, room := range f.rooms {
		r.Rooms = append(r.Rooms, room.report(r.Callers))
	}
	for _, l := range f.listeners {
		for _, ring := range l.rings {
			r.Overflow += int(ring.overflow.Load())
		}
	}
	return r
}

// report returns what a caller counted; its thread's lock is held.
func (c *caller) report() Caller {
	r := Caller{Counts: c.counts, Connected: c.live}
	r.Lost = max(0, r.Lost) // what was late when the window began has come within it
	if c.reception.stamped && c.tap != nil {
		r.Jitter = time.Duration(c.reception.jitter / float64(c.thread.clockRate) * 1e9)
	}
	switch {
	case c.sound:
		r.Verified = BySound
	case c.counts.alike():
		r.Verified = ByPayload
	}
	return r
}

// report returns what a room's ears judged, and marks whom they verified.
func (r *room) report(callers []Caller) Room {
	r.listener.mu.Lock()
	defer r.listener.mu.Unlock()
	all := judged{totals: r.judged.totals, malformed: r.judged.malformed, tallies: make([]signal.Tally, len(r.judged.tallies))}
	copy(all.tallies, r.judged.tallies)
	var reference signal.Totals
	known := false
	for _, e := range r.ears {
		all.add(e)
		if e.judged() {
			callers[e.caller.number].Verified = BySound
		}
		if e.lasting {
			reference = e.stream.ear.Totals()
			known = e.judged()
		}
	}
	if !known {
		r.doubt(callers)
	}
	for _, c := range r.seats {
		callers[c.number].Own, callers[c.number].Unexpected = c.wrong.own, c.wrong.unexpected
	}
	delays := make(Delays, len(r.judged.delays.counts))
	copy(delays, r.judged.delays.counts)
	return Room{Heard: all.totals, Reference: reference, Talkers: all.tallies, Malformed: all.malformed, Delays: delays}
}

// doubt takes back that callers are verified by payload: the reference judged nothing.
func (r *room) doubt(callers []Caller) {
	for _, c := range r.seats {
		if v := &callers[c.number].Verified; *v == ByPayload {
			*v = Unverified
		}
	}
}

// cpu returns the processor time of all threads since Run.
func (f *Fleet) cpu() (all time.Duration) {
	for _, t := range f.threads {
		all += t.id.cpu()
	}
	for _, l := range f.listeners {
		all += l.id.cpu()
	}
	return all
}

// note keeps the first error that nobody else is told of.
func (f *Fleet) note(err error) {
	if f.trouble == nil {
		f.trouble = err
	}
}
