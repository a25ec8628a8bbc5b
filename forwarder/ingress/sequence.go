package ingress

import "github.com/confd/confd/transport"

// maxMisorder is how far behind the newest a packet may be (RFC 3550 appendix A.1).
const maxMisorder = MaxOutstanding

// confirmation is within how many numbers of a packet far off the second one has to be, for
// the source to have begun anew.
const confirmation = 64

// rival is the number of a packet far off, which a second one near it would confirm (RFC 3550
// appendix A.1).
type rival struct {
	sequence uint16
	valid    bool
}

func (r *rival) confirmed(sequence uint16) bool {
	ahead := sequence - r.sequence
	return r.valid && ahead > 0 && ahead <= confirmation
}

// place returns a packet's extended sequence number; false for one that is not to be stored,
// which was counted.
func (s *Stream) place(p *transport.VideoPacket) (uint64, bool) {
	if !s.started {
		s.start(p.Sequence)
		return s.picture.scan, true
	}
	ahead := int64(int16(p.Sequence - uint16(s.highest)))
	ext := uint64(int64(s.highest) + ahead)
	switch {
	case ahead > int64(s.ring.bound)/2 || ahead < -maxMisorder:
		return s.far(p)
	case ext < s.picture.scan && s.confirms(p):
		return s.restart(p)
	case s.ring.at(ext) != nil:
		s.stats.Duplicates++
		return 0, false
	case ext < s.picture.scan:
		s.stats.Late++
		return 0, false
	}
	s.rival.valid = false
	return ext, true
}

// far takes a packet too far from the newest to be of the same run of numbers.
func (s *Stream) far(p *transport.VideoPacket) (uint64, bool) {
	if s.confirms(p) {
		return s.restart(p)
	}
	s.stats.Late++
	if !p.Repaired {
		s.rival = rival{sequence: p.Sequence, valid: true}
	}
	return 0, false
}

// confirms tells whether p shows that the source began anew: it is close behind a packet that
// was far off. A retransmission shows nothing: it may be as old as the source likes.
func (s *Stream) confirms(p *transport.VideoPacket) bool {
	return !p.Repaired && s.rival.confirmed(p.Sequence)
}

// restart begins a run of numbers with the first packet that was far off. That one is
// missing, and can be asked for.
func (s *Stream) restart(p *transport.VideoPacket) (uint64, bool) {
	first := s.rival.sequence
	s.stats.Restarts++
	s.begin()
	s.start(first)
	s.highest--
	return s.picture.scan + uint64(p.Sequence-first), true
}

// start begins a run of numbers, above all that there were.
func (s *Stream) start(sequence uint16) {
	s.highest = (s.highest>>16+2)<<16 + uint64(sequence)
	s.picture.scan = s.highest
	s.started = true
}
