package rooms

import (
	"slices"
	"strings"
	"time"
)

// The choice of the speaker.
const (
	// speakerLead is by how much, dB, somebody must be louder to take the picture from who
	// still speaks.
	speakerLead = 6
	// speakerLook is how often that is looked at while several speak.
	speakerLook = 500 * time.Millisecond
)

// floor keeps the order in which people spoke. It knows no clock: who calls it tells the time.
type floor struct {
	order   []string  // who has had the floor, the newest first: the first is the speaker
	since   time.Time // that the speaker has it
	talking []talker  // in the order in which they began
	given   uint64    // times that somebody got it
}

type talker struct {
	id   string
	from time.Time
}

// talk notes that somebody talks, or no longer does.
func (f *floor) talk(id string, on bool, now time.Time) {
	i := slices.IndexFunc(f.talking, func(t talker) bool { return t.id == id })
	switch {
	case on && i < 0:
		f.talking = append(f.talking, talker{id, now})
	case !on && i >= 0:
		f.talking = slices.Delete(f.talking, i, i+1)
	}
}

// leave forgets somebody.
func (f *floor) leave(id string) {
	f.talk(id, false, time.Time{})
	f.order = slices.DeleteFunc(f.order, func(o string) bool { return o == id })
}

// choose gives the floor to who talks: at once if nobody has it, else once the speaker has had
// it for hold and has fallen silent, or has been less loud than somebody who has talked for as
// long. While nobody talks the speaker keeps it. loud tells how loud somebody is, dBov. It
// returns when it wants to be called again; zero is when something has happened.
func (f *floor) choose(now time.Time, hold time.Duration, loud func(id string) int) time.Time {
	if len(f.order) == 0 {
		if next := f.loudest("", now, 0, loud); next != "" {
			f.give(next, now)
		}
	}
	if !f.contested() {
		return time.Time{}
	}
	if due := f.since.Add(hold); now.Before(due) {
		return due
	}
	speaker := f.order[0]
	if !f.talks(speaker) {
		f.give(f.loudest(speaker, now, 0, loud), now)
		return f.choose(now, hold, loud)
	}
	if next := f.loudest(speaker, now, hold, loud); next != "" && loud(next) >= loud(speaker)+speakerLead {
		f.give(next, now)
		return now.Add(hold)
	}
	return now.Add(speakerLook)
}

// contested tells whether somebody talks beside the speaker.
func (f *floor) contested() bool {
	return len(f.order) > 0 && slices.ContainsFunc(f.talking, func(t talker) bool { return t.id != f.order[0] })
}

func (f *floor) talks(id string) bool {
	return slices.ContainsFunc(f.talking, func(t talker) bool { return t.id == id })
}

// loudest returns the loudest who has talked for some time, but for one; "" is nobody.
func (f *floor) loudest(but string, now time.Time, least time.Duration, loud func(string) int) (best string) {
	for _, t := range f.talking {
		if t.id != but && now.Sub(t.from) >= least && (best == "" || loud(t.id) > loud(best)) {
			best = t.id
		}
	}
	return best
}

func (f *floor) give(id string, now time.Time) {
	f.order = slices.DeleteFunc(f.order, func(o string) bool { return o == id })
	f.order = slices.Insert(f.order, 0, id)
	f.since = now
	f.given++
}

// rank puts pictures, which come in the order in which they began, into that in which they are
// to be seen: of who spoke last first, and of those who have not spoken the oldest.
func rank(pictures []*videoLine, order []string) []*videoLine {
	place := make(map[string]int, len(order))
	for i, id := range order {
		place[id] = i - len(order)
	}
	ranked := slices.Clone(pictures)
	slices.SortStableFunc(ranked, func(a, b *videoLine) int { return place[a.of.id] - place[b.of.id] })
	return ranked
}

// onlooker is what decides whom a participant sees and who sees it: who may be heard may be seen.
type onlooker struct {
	hearer
	pin string // whom it sees before others
}

// watch returns what some lines of a participant show: of what it may see, the picture of
// whom it has pinned and the others as they are ranked. now is what the lines show so far; what
// is still among it keeps its line. nil is nothing.
func (me *onlooker) watch(now, ranked []*videoLine) []*videoLine {
	next := make([]*videoLine, len(now))
	wanted := me.inView(ranked, len(now))
	for i, l := range now {
		if at := slices.Index(wanted, l); at >= 0 {
			next[i], wanted = l, slices.Delete(wanted, at, at+1)
		}
	}
	for i := range next {
		if next[i] == nil && len(wanted) > 0 {
			next[i], wanted = wanted[0], wanted[1:]
		}
	}
	return next
}

// inView returns the first n pictures that a participant may see: that of whom it has pinned,
// and others as they are ranked.
func (me *onlooker) inView(ranked []*videoLine, n int) []*videoLine {
	var all []*videoLine
	if me.pin != "" && n > 0 {
		pinned := func(l *videoLine) bool { return l.of.id == me.pin && me.maySee(l.of) }
		if i := slices.IndexFunc(ranked, pinned); i >= 0 {
			all = append(all, ranked[i])
		}
	}
	for _, l := range ranked {
		if len(all) >= n {
			break
		}
		if l.of.id != me.pin && me.maySee(l.of) {
			all = append(all, l)
		}
	}
	return all
}

// maySee tells whether the lists of both let one see the other. Nobody sees itself.
func (me *onlooker) maySee(o *onlooker) bool {
	return me.id != o.id && names(me.hears, &o.hearer) && names(o.heardBy, &me.hearer)
}

// names tells whether a list has somebody in it, by id or by group; nil has everyone.
func names(list *[]string, h *hearer) bool {
	return list == nil || slices.ContainsFunc(*list, func(name string) bool {
		group, isGroup := strings.CutPrefix(name, groupPrefix)
		return name == h.id || isGroup && slices.Contains(h.groups, group)
	})
}
