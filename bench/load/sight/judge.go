package sight

import (
	"cmp"
	"slices"
	"time"
)

// Sight is what a caller saw from a time on, until its next sight.
type Sight struct {
	At     int64 // ns
	Sender int   // number of a caller, or Nobody
}

// Nobody is whom a caller sees to whom no picture has come.
const Nobody = -1

// Viewer is a caller to whom pictures are sent.
type Viewer struct {
	Number int
	Sights []Sight // in order of time; the first is of before the window or at its beginning
}

// Span is from one time to another.
type Span struct{ From, To int64 }

// Person is a caller who may be seen or heard.
type Person struct {
	Number int
	Camera bool
	Talks  []Span // in order of time
}

// Room is what happened in one from From to To, ns.
type Room struct {
	From, To int64
	Viewers  []Viewer
	People   []Person
	Hold     time.Duration // that a speaker is seen at least
	Within   time.Duration // in which a picture must follow, once it is due
}

// Fault is what was wrong with what a viewer saw.
type Fault struct {
	Own      int // times that it saw itself
	Stranger int // times that it saw who has no camera, or is of another room
	Missed   int // switches that it did not see
}

// Result is what a room's viewers saw.
type Result struct {
	Expected int             // switches that had to be seen, by each viewer
	Seen     int             // of these, in time
	Late     []time.Duration // of each that was seen in time: since it was due
	Silent   int             // times that the room saw somebody who had not talked
	Faults   []Fault         // by viewer, as in Room.Viewers
}

// Bounds of what is looked for.
const (
	step = int64(20 * time.Millisecond)
	// hang is how long servers take somebody for talking who has stopped, at most.
	hang = int64(time.Second)
)

// Judge judges a room. It takes some ms for a minute of a hundred viewers.
func Judge(r *Room) Result {
	j := &judge{Room: r, people: make(map[int]*Person, len(r.People))}
	j.Faults = make([]Fault, len(r.Viewers))
	for i := range r.People {
		j.people[r.People[i].Number] = &r.People[i]
	}
	j.strange()
	j.follow(j.floors())
	return j.Result
}

type judge struct {
	*Room
	Result
	people map[int]*Person
}

// strange finds whom nobody may see.
func (j *judge) strange() {
	for i := range j.Viewers {
		v := &j.Viewers[i]
		for _, s := range v.Sights {
			switch p := j.people[s.Sender]; {
			case s.Sender == Nobody:
			case s.Sender == v.Number:
				j.Faults[i].Own++
			case p == nil || !p.Camera:
				j.Faults[i].Stranger++
			}
		}
	}
}

// floors returns whom most of the room saw, and from when on.
func (j *judge) floors() (all []Sight) {
	type change struct {
		Sight
		viewer int
	}
	var changes []change
	for i := range j.Viewers {
		for _, s := range j.Viewers[i].Sights {
			changes = append(changes, change{s, i})
		}
	}
	slices.SortStableFunc(changes, func(a, b change) int { return cmp.Compare(a.At, b.At) })
	c := newCount(j.Viewers)
	speaker := Nobody
	for len(changes) > 0 {
		n := 0
		for ; n < len(changes) && changes[n].At == changes[0].At; n++ {
			c.see(changes[n].viewer, changes[n].Sender)
		}
		for _, ch := range changes[:n] {
			if ch.Sender != speaker && c.most(ch.Sender) {
				speaker = ch.Sender
				all = append(all, ch.Sight)
			}
		}
		changes = changes[n:]
	}
	return all
}

// count counts who sees whom.
type count struct {
	viewers []Viewer
	sees    []int // by viewer
	by      map[int]int
	looking int // who see anybody
	own     map[int]int
}

func newCount(viewers []Viewer) *count {
	c := &count{viewers: viewers, sees: make([]int, len(viewers)), by: map[int]int{}, own: map[int]int{}}
	for i := range c.sees {
		c.sees[i] = Nobody
		c.own[viewers[i].Number] = i
	}
	return c
}

func (c *count) see(viewer, sender int) {
	if was := c.sees[viewer]; was != Nobody {
		c.by[was]--
		c.looking--
	}
	c.sees[viewer] = sender
	if sender != Nobody {
		c.by[sender]++
		c.looking++
	}
}

// most tells whether most of those who look, but for the sender itself, see it.
func (c *count) most(sender int) bool {
	others := c.looking
	if i, ok := c.own[sender]; ok && c.sees[i] != Nobody {
		others--
	}
	return sender != Nobody && 2*c.by[sender] > others
}

// follow goes through the window and judges each change of the speaker, and those that were
// due and did not come.
func (j *judge) follow(floors []Sight) {
	speaker, since, due := Nobody, j.From, int64(0)
	for len(floors) > 0 && floors[0].At <= j.From {
		speaker, floors = floors[0].Sender, floors[1:]
	}
	for t := j.From; t < j.To; t += step {
		for len(floors) > 0 && floors[0].At <= t {
			next := floors[0]
			floors = floors[1:]
			until := j.To
			if len(floors) > 0 {
				until = floors[0].At
			}
			if p := j.people[next.Sender]; p != nil && !p.talked(next.At-hang-int64(j.Within), next.At) {
				j.Silent++
			}
			j.change(next, due, until)
			speaker, since, due = next.Sender, next.At, 0
		}
		switch wanted := j.wanted(speaker, since, t); {
		case !wanted:
			due = 0
		case due == 0:
			due = t
		case t-due > int64(j.Within):
			j.miss(due, t)
			since, due = t, 0 // not before a hold time is over again
		}
	}
}

// wanted tells whether somebody else is to be seen than the speaker of some time.
func (j *judge) wanted(speaker int, since, t int64) bool {
	if p := j.people[speaker]; p == nil || t < since+int64(j.Hold) || p.talked(t, t) {
		return false
	}
	found := false
	for i := range j.People {
		switch p := &j.People[i]; {
		case p.Number == speaker:
		case !p.Camera: // while it has the floor nobody else gets it, and it is not seen
			if p.talked(t-int64(j.Hold)-hang, t) {
				return false
			}
		case p.talked(t, t):
			found = true
		}
	}
	return found
}

// change judges whether everyone followed to a new speaker, who was seen by most at its time
// and was due since due, or from then on if that is 0, until another was seen.
func (j *judge) change(now Sight, due, until int64) {
	from := due
	if due == 0 {
		from = now.At - int64(j.Within)
	}
	limit := max(from, now.At) + int64(j.Within)
	if due != 0 {
		limit = due + int64(j.Within)
	}
	for i := range j.Viewers {
		v := &j.Viewers[i]
		if v.Number == now.Sender || v.at(from) == now.Sender || v.at(from) == Nobody {
			continue
		}
		at, seen := v.first(now.Sender, from, until)
		switch {
		case seen && at <= limit:
			j.Expected++
			j.Seen++
			if due != 0 {
				j.Late = append(j.Late, time.Duration(at-due))
			}
		case seen || limit < until:
			j.Expected++
			j.Faults[i].Missed++
		}
	}
}

// miss counts who saw none of those who talked, when somebody was due.
func (j *judge) miss(due, t int64) {
	for i := range j.Viewers {
		v := &j.Viewers[i]
		sees := v.at(t)
		if p := j.people[sees]; sees == Nobody || p != nil && p.talked(due+step, t) || !j.other(v.Number, due, t) {
			continue
		}
		j.Expected++
		j.Faults[i].Missed++
	}
}

// other tells whether somebody else than a viewer talked all the time and could be seen.
func (j *judge) other(viewer int, from, to int64) bool {
	for i := range j.People {
		if p := &j.People[i]; p.Number != viewer && p.Camera && p.talked(from, to) {
			return true
		}
	}
	return false
}

// talked tells whether somebody talked at any time from one to another.
func (p *Person) talked(from, to int64) bool {
	i, _ := slices.BinarySearchFunc(p.Talks, from, func(s Span, at int64) int { return cmp.Compare(s.To, at+1) })
	return i < len(p.Talks) && p.Talks[i].From <= to
}

// at returns whom a viewer saw at a time.
func (v *Viewer) at(t int64) int {
	i, _ := slices.BinarySearchFunc(v.Sights, t, func(s Sight, at int64) int { return cmp.Compare(s.At, at+1) })
	if i == 0 {
		return Nobody
	}
	return v.Sights[i-1].Sender
}

// first returns when a viewer first saw a sender after from and before until.
func (v *Viewer) first(sender int, from, until int64) (int64, bool) {
	for _, s := range v.Sights {
		if s.At > from && s.At < until && s.Sender == sender {
			return s.At, true
		}
	}
	return 0, false
}
