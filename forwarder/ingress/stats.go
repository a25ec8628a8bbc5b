package ingress

// Stats count what happened to a stream since it was made.
type Stats struct {
	Packets, Bytes uint64 // that came; bytes of payload
	Frames         uint64 // pictures handed out
	KeyFrames      uint64 // of them, those that decoding can begin with
	Undecodable    uint64 // of them, those that came after something that they need was lost

	Padding    uint64 // packets without a payload
	Duplicates uint64
	Reordered  uint64 // packets that came out of order without being asked for
	Asked      uint64 // numbers named in NACKs, repetitions included
	Repaired   uint64 // packets that came because they were asked for
	Lost       uint64 // numbers that were given up
	Late       uint64 // packets that came after that, or had numbers far off
	Oversized  uint64 // packets whose payload is longer than SlotSize
	Malformed  uint64 // packets whose payload cannot be read

	Leading  uint64 // pictures of H.265 that were left out, because they need what was before a key frame
	GivenUp  uint64 // pictures that were dropped, incomplete
	Headless uint64 // of them, those whose beginning was missing
	Endless  uint64 // of them, those that had too many packets
	Overruns uint64 // times that the ring was too small for what was waited for
	Unusable uint64 // key frames of H.264 or H.265 whose parameter sets are unknown
	BadSets  uint64 // parameter sets that were too long to be remembered

	Restarts uint64 // jumps of the sequence number that the source went on from
	Resets   uint64

	Memory int // bytes that payloads take now
}

// Stats returns what happened so far. The worker calls it.
func (s *Stream) Stats() Stats {
	now := s.stats
	now.BadSets = s.sets.lost
	now.Memory = s.ring.bytes()
	return now
}
