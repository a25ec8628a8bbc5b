package signal

// schedule is a list of spurts that comes round with each cycle.
type schedule struct {
	spurts []*Spurt
	next   int
	turn   int64 // cycles since the room's epoch
}

// grace is how long after the latest time at which it can be heard a spurt is judged.
const grace = int64(60e6)

// due takes the next spurt off the schedule that had surely been heard at a time. It also
// returns when its talker's cycle began.
func (sc *schedule) due(e *Ear, now int64) (s *Spurt, begin int64) {
	if len(sc.spurts) == 0 {
		return nil, 0
	}
	s = sc.spurts[sc.next]
	l := &e.talkers[s.Talker]
	begin = e.config.Epoch + sc.turn*e.cycle + l.skew
	begin += int64(l.drift * float64(begin+int64(s.Start)-l.from))
	if begin+int64(s.End()+MaxDelay)+grace > now {
		return nil, 0
	}
	if sc.next++; sc.next == len(sc.spurts) {
		sc.next = 0
		sc.turn++
	}
	return s, begin
}

// seek sets the schedule to the cycle before a time.
func (sc *schedule) seek(e *Ear, at int64) {
	sc.next, sc.turn = 0, (at-e.config.Epoch)/e.cycle-2
}
