package ingress

import "time"

const (
	second      = int64(time.Second)
	millisecond = int64(time.Millisecond)

	// MaxOutstanding is how many lost packets of a stream are followed at a time. A gap that
	// does not fit in is given up at once.
	MaxOutstanding = 128

	reorderPackets = 3 // as TCP's duplicate acknowledgements (RFC 5681 section 3.2)
	reorderTime    = 10 * millisecond
	maxTries       = 6

	usualRoundTrip = 100 * millisecond // until one was measured
	leastInterval  = 15 * millisecond
	leastPatience  = 120 * millisecond
	mostPatience   = 600 * millisecond
	barePatience   = 30 * millisecond // nothing can be asked for: what is late may still come
)

// loss is a packet that is missing and still hoped for.
type loss struct {
	ext            uint64
	noticed, asked int64
	tries          uint8
}

// losses are what is hoped for, by extended sequence number, hence also by when it was noticed.
type losses struct {
	list     []loss // capacity MaxOutstanding
	interval int64  // between two requests for the same packet
	patience int64  // from noticing to giving up
}

// time sets the waits by the round trip, 0 if it is unknown.
func (l *losses) time(roundTrip int64, nack bool) {
	if roundTrip <= 0 {
		roundTrip = usualRoundTrip
	}
	l.interval = max(roundTrip*5/4+5*millisecond, leastInterval)
	l.patience = min(max(reorderTime+4*l.interval, leastPatience), mostPatience)
	if !nack {
		l.patience = barePatience
	}
}

// notice enters the numbers from ext up to end, newer than all before, if there is room for all
// of them: some would be of no use. Else it returns how many they are.
func (l *losses) notice(ext, end uint64, now int64) (refused uint64) {
	if end-ext > MaxOutstanding-uint64(len(l.list)) {
		return end - ext
	}
	if l.list == nil && ext < end {
		l.list = make([]loss, 0, MaxOutstanding)
	}
	for ; ext < end; ext++ {
		l.list = append(l.list, loss{ext: ext, noticed: now})
	}
	return 0
}

// found takes a number out and tells how it had been doing; false if it was not hoped for.
func (l *losses) found(ext uint64) (loss, bool) {
	for i, one := range l.list {
		if one.ext == ext {
			l.list = append(l.list[:i], l.list[i+1:]...)
			return one, true
		}
	}
	return loss{}, false
}

// first tells whether ext is the oldest that is hoped for.
func (l *losses) first(ext uint64) bool { return len(l.list) > 0 && l.list[0].ext == ext }

// forget takes out what is below ext and returns how many that were.
func (l *losses) forget(ext uint64) uint64 {
	n := 0
	for n < len(l.list) && l.list[n].ext < ext {
		n++
	}
	return l.shift(n)
}

// expire takes out what was waited for too long and returns how many that were.
func (l *losses) expire(now int64) uint64 {
	n := 0
	for n < len(l.list) && now-l.list[n].noticed >= l.patience {
		n++
	}
	return l.shift(n)
}

func (l *losses) shift(n int) uint64 {
	if n > 0 {
		l.list = l.list[:copy(l.list, l.list[n:])]
	}
	return uint64(n)
}

// ask appends the numbers that are to be asked for now. highest is the newest that came.
func (l *losses) ask(dst []uint16, highest uint64, now int64) []uint16 {
	for i := range l.list {
		if one := &l.list[i]; one.tries < maxTries && now >= l.askAt(one, highest) {
			one.tries++
			one.asked = now
			dst = append(dst, uint16(one.ext))
		}
	}
	return dst
}

// askAt returns when a packet is to be asked for next.
func (l *losses) askAt(one *loss, highest uint64) int64 {
	switch {
	case one.tries > 0:
		return one.asked + l.interval
	case highest-one.ext >= reorderPackets:
		return one.noticed
	}
	return one.noticed + reorderTime
}

// due returns when ask or expire have something to do, 0 if never.
func (l *losses) due(highest uint64, nack bool) int64 {
	if len(l.list) == 0 {
		return 0
	}
	at := l.list[0].noticed + l.patience
	if !nack {
		return at
	}
	for i := range l.list {
		if one := &l.list[i]; one.tries < maxTries {
			at = min(at, l.askAt(one, highest))
		}
	}
	return at
}

// SetRoundTrip tells the round trip to the source, as its receiver reports or ours show it;
// 0 is unknown, which is taken for 100 ms.
func (s *Stream) SetRoundTrip(d time.Duration) { s.losses.time(int64(d), s.config.NACK) }

// Missing appends to dst the sequence numbers to ask for now, oldest first, at most
// MaxOutstanding, and notes that they were asked for. Without NACK it appends nothing.
func (s *Stream) Missing(now int64, dst []uint16) []uint16 {
	if !s.config.NACK {
		return dst
	}
	before := len(dst)
	dst = s.losses.ask(dst, s.highest, now)
	s.stats.Asked += uint64(len(dst) - before)
	return dst
}

// Advance gives up what has been waited for too long. Next then drops the pictures that it
// belonged to.
func (s *Stream) Advance(now int64) { s.stats.Lost += s.losses.expire(now) }

// Due returns the time at which Advance or Missing have something to do though nothing
// arrives, 0 if there is none.
func (s *Stream) Due() int64 { return s.losses.due(s.highest, s.config.NACK) }
