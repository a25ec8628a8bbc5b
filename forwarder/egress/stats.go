package egress

// Stats is what a subscription has counted since it was made.
type Stats struct {
	Pictures  uint64 // that left, key frames included
	KeyFrames uint64
	Packets   uint64 // that the Sender took, retransmissions included
	Bytes     uint64 // of their payloads
	Full      uint64 // packets that the Sender's socket had no room for: retransmissions are lost, others wait

	Switches         uint64 // to another source
	EncodingSwitches uint64 // to another encoding of the same

	Filtered uint64 // pictures of temporal layers that were not wanted
	Dropped  Dropped

	Asked         uint64 // packets that the receiver asked for again
	Repaired      uint64 // that were sent again
	RepairedBytes uint64
	Unanswered    Unanswered

	Freezes uint64 // times without a picture for longer than SetFreeze allows
	Frozen  int64  // nanoseconds that they took, the present one included

	Layers   Layers // in force
	Estimate uint64 // as it was set, bits per second
	Waiting  int    // pictures in the pacer
}

// Dropped counts pictures that did not leave, by why.
type Dropped struct {
	Broken      uint64 // came behind one that was lost on the way from the source
	Slow        uint64 // more than the receiver takes, or behind such
	Low         uint64 // the same in low mode
	Queue       uint64 // more than may wait, or for longer, or behind such
	Overwritten uint64 // waited until the ring had overwritten it, or came behind such
	Forgotten   uint64 // waited when their source went
}

// Unanswered counts packets that were asked for but not sent again, by why.
type Unanswered struct {
	Unknown     uint64 // never sent, or not remembered any more
	Overwritten uint64 // no longer in the source's ring
	Early       uint64 // sent again within the round trip
	Often       uint64 // sent again as often as may be
	Budget      uint64 // too many retransmissions all in all
	Flood       uint64 // too many requests in a second
}

// Stats returns what was counted. now is for the freeze that lasts.
func (s *Subscription) Stats(now int64) Stats {
	stats := s.stats
	if s.Frozen(now) {
		stats.Freezes++
		stats.Frozen += now - s.seen
	}
	stats.Layers = s.layers
	stats.Estimate = s.estimate
	stats.Waiting = s.waiting()
	return stats
}

// Frozen reports whether something is to be shown, but no picture has left for longer than
// SetFreeze allows, or since Show. In low mode nothing freezes: single pictures are what was
// asked for.
func (s *Subscription) Frozen(now int64) bool {
	return s.wished.count > 0 && !s.low && now-s.seen > s.freeze
}

// thaw ends the freeze that there may be: a picture leaves, or nothing is to be shown.
func (s *Subscription) thaw(now int64) {
	if s.Frozen(now) {
		s.stats.Freezes++
		s.stats.Frozen += now - s.seen
	}
	s.seen = now
}
