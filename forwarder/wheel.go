package forwarder

import (
	"math/bits"
	"time"
)

// step is how finely the times are kept at which something is due; the kernel's wait is no finer.
const step = int64(time.Millisecond)

// horizon is how many steps ahead a line can be due. Who is due later is looked at then.
const horizon = 63

// wheel keeps lines by when they are due: a list for each step, and a bit for each list that
// is not empty. Setting, dropping and taking cost the same for any number of lines.
type wheel struct {
	at    int64  // the last step that was taken
	used  uint64 // bit i: slots[i] is not empty
	slots [64]*Line
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
	i := at & 63
	l.spoke = spoke{in: true, at: at, after: w.slots[i]}
	if l.spoke.after != nil {
		l.spoke.after.spoke.before = l
	}
	w.slots[i] = l
	w.used |= 1 << i
}

// drop takes l out.
func (w *wheel) drop(l *Line) {
	s := &l.spoke
	if !s.in {
		return
	}
	i := s.at & 63
	if s.before != nil {
		s.before.spoke.after = s.after
	} else {
		w.slots[i] = s.after
	}
	if s.after != nil {
		s.after.spoke.before = s.before
	}
	if w.slots[i] == nil {
		w.used &^= 1 << i
	}
	*s = spoke{}
}

// next returns when the first line is due, ns; 0 if there is none.
func (w *wheel) next() int64 {
	if w.used == 0 {
		return 0
	}
	ahead := bits.TrailingZeros64(bits.RotateLeft64(w.used, -int((w.at+1)&63)))
	return (w.at + 1 + int64(ahead)) * step
}

// take moves the lines that are due at now, ns, to the end of to.
func (w *wheel) take(now int64, to []*Line) []*Line {
	for t := w.next(); t != 0 && t <= now; t = w.next() {
		w.at = t / step
		for l := w.slots[w.at&63]; l != nil; l = w.slots[w.at&63] {
			w.drop(l)
			to = append(to, l)
		}
	}
	w.at = max(w.at, now/step)
	return to
}
