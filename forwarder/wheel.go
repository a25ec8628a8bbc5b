package forwarder

import (
	"math/bits"
	"time"
)

// step is how finely the times are kept at which something is due; the kernel's wait is no finer.
const step = int64(time.Millisecond)

// horizon is how many steps ahead a line can be due. Who is due later is looked at then.
const horizon = slots - 1

const (
	slots = 256
	words = slots / 64
)

// wheel keeps lines by when they are due: a list for each step, and a bit for each list that
// is not empty. Setting, dropping and taking cost the same for any number of lines.
type wheel struct {
	at    int64         // the last step that was taken
	used  [words]uint64 // bit i: slots[i] is not empty
	slots [slots]*Line
}

// spoke is a line's place in the wheel.
type spoke struct {
	in            bool
	at            int64 // step
	before, after *Line
}

// set has l taken once the time t, ns, has come, at the next step at the earliest. If it is
// due before that already, it stays so.
func (w *wheel) set(l *Line, t int64) {
	at := min(max((t+step-1)/step, w.at+1), w.at+horizon)
	if l.spoke.in {
		if l.spoke.at <= at {
			return
		}
		w.drop(l)
	}
	i := at % slots
	l.spoke = spoke{in: true, at: at, after: w.slots[i]}
	if l.spoke.after != nil {
		l.spoke.after.spoke.before = l
	}
	w.slots[i] = l
	w.used[i/64] |= 1 << (i % 64)
}

// drop takes l out.
func (w *wheel) drop(l *Line) {
	s := &l.spoke
	if !s.in {
		return
	}
	i := s.at % slots
	if s.before != nil {
		s.before.spoke.after = s.after
	} else {
		w.slots[i] = s.after
	}
	if s.after != nil {
		s.after.spoke.before = s.before
	}
	if w.slots[i] == nil {
		w.used[i/64] &^= 1 << (i % 64)
	}
	*s = spoke{}
}

// next returns when the first line is due, ns; 0 if there is none.
func (w *wheel) next() int64 {
	first := (w.at + 1) % slots
	for k := range int64(words + 1) { // the first word twice: its end, and its beginning
		i := (first/64 + k) % words
		used := w.used[i]
		switch k {
		case 0:
			used &= ^uint64(0) << (first % 64)
		case words:
			used &^= ^uint64(0) << (first % 64)
		}
		if used != 0 {
			at := i*64 + int64(bits.TrailingZeros64(used))
			return (w.at + 1 + (at-first+slots)%slots) * step
		}
	}
	return 0
}

// take moves the lines that are due at now, ns, to the end of to.
func (w *wheel) take(now int64, to []*Line) []*Line {
	for t := w.next(); t != 0 && t <= now; t = w.next() {
		w.at = t / step
		for l := w.slots[w.at%slots]; l != nil; l = w.slots[w.at%slots] {
			w.drop(l)
			to = append(to, l)
		}
	}
	w.at = max(w.at, now/step)
	return to
}
