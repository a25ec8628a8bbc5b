package ingress

// Add adds what another stream has counted; memory, too.
func (s *Stats) Add(o *Stats) {
	s.Packets += o.Packets
	s.Bytes += o.Bytes
	s.Frames += o.Frames
	s.KeyFrames += o.KeyFrames
	s.Undecodable += o.Undecodable

	s.Padding += o.Padding
	s.Duplicates += o.Duplicates
	s.Reordered += o.Reordered
	s.Asked += o.Asked
	s.Repaired += o.Repaired
	s.Lost += o.Lost
	s.Late += o.Late
	s.Oversized += o.Oversized
	s.Malformed += o.Malformed

	s.Leading += o.Leading
	s.GivenUp += o.GivenUp
	s.Headless += o.Headless
	s.Endless += o.Endless
	s.Overruns += o.Overruns
	s.Unusable += o.Unusable
	s.BadSets += o.BadSets

	s.Restarts += o.Restarts
	s.Resets += o.Resets
	s.Memory += o.Memory
}
