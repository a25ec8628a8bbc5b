//go:build linux

package fleet

// slots are how far ahead a wheel looks; who is due later is looked at once in between.
const slots = 1024

// wheel keeps callers by the slot in which they are due, in the order in which they were put
// there, talkers before others. Its time begins at 0.
type wheel struct {
	slot  int64 // how long one is, ns: the grain of a thread's time
	next  int64 // slot that is taken next
	lists [slots][2]list
}

type list struct{ first, last *caller }

// put enters a caller, which must be in no slot, to be taken not before a time.
func (w *wheel) put(c *caller, at int64) {
	n := min(max((at+w.slot-1)/w.slot, w.next), w.next+slots-1)
	l := &w.lists[n%slots][c.rank]
	c.after = nil
	if l.last == nil {
		l.first = c
	} else {
		l.last.after = c
	}
	l.last = c
}

// take empties the next slot and moves on.
func (w *wheel) take() (lists [2]list) {
	lists, w.lists[w.next%slots] = w.lists[w.next%slots], lists
	w.next++
	return lists
}

// skip moves on to the next slot that somebody is in, by at most n slots.
func (w *wheel) skip(n int) {
	for ; n > 0 && w.lists[w.next%slots] == [2]list{}; n-- {
		w.next++
	}
}
