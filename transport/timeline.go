package transport

import "time"

// Timeline turns media time into RTP timestamps. They begin at random and advance with
// media time for as long as the stream lives, whatever is behind it: classes, codecs and
// rooms come and go without a break. After a change of clock rate they go on from where
// the old rate had come (RFC 7160 section 4.1).
type Timeline struct {
	base    uint32 // timestamp at media time "from"
	from    int64
	last    int64 // media time of the last packet
	step    int64 // between the last two
	rate    uint32
	running bool
}

// NewTimeline returns a timeline whose first timestamp is base.
func NewTimeline(base uint32) Timeline { return Timeline{base: base} }

// At returns the timestamp of media time t at the given rate, and false if time ran
// backwards: then one packet's time is taken to have passed.
func (l *Timeline) At(t int64, rate uint32) (ts uint32, ok bool) {
	ok = true
	if !l.running {
		l.running, l.from, l.last, l.rate = true, t, t, rate
		return l.base, true
	}
	if t < l.last {
		ok = false
		l.base = l.stamp(l.last + l.step)
		l.from = t
	} else {
		l.step = t - l.last
	}
	l.last = t
	if rate != l.rate {
		l.base, l.from, l.rate = l.stamp(t), t, rate
	}
	// Whole seconds move into the base, so that products stay small and nothing is rounded.
	if s := (t - l.from) / int64(time.Second); s > 0 {
		l.base += uint32(s * int64(l.rate))
		l.from += s * int64(time.Second)
	}
	return l.stamp(t), ok
}

func (l *Timeline) stamp(t int64) uint32 {
	return l.base + uint32(units(t-l.from, l.rate))
}
