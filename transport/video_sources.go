package transport

import (
	"time"
)

// A peer's sources: a picture in one or several encodings, each with a stream of
// retransmissions. There is a place for each, and no more.

// source is one SSRC of the peer.
type source struct {
	reception
	heard  int64  // arrival of its last packet
	since  int64  // when it took the place of another
	lastSR uint32 // middle 32 bits of the NTP time of its last sender report
	srTime int64  // that report's arrival, 0 = none
}

const (
	// A source silent for so long gives way at once, and who has just come stays for a while,
	// so that two who alternate do not change the picture with each packet.
	sourceSilence = int64(200 * time.Millisecond)
	sourceHold    = int64(500 * time.Millisecond)
	// Packets may be this late and still count: they were asked for again.
	maxLate = 1024
)

// place returns the source of an encoding.
func (v *VideoLeg) place(encoding uint8, k videoKind) *source {
	if k == videoRepair {
		return &v.sources[2*encoding+1]
	}
	return &v.sources[2*encoding]
}

// known finds the encoding that an SSRC has the place of.
func (v *VideoLeg) known(ssrc uint32, k videoKind) (encoding uint8, ok bool) {
	for e := range uint8(v.setup.encodings) {
		if s := v.place(e, k); s.active && s.ssrc == ssrc {
			return e, true
		}
	}
	return 0, false
}

// belongs finds the encoding of a packet whose SSRC has no place: by what was signalled, by
// the packet's own word, or because there is but one. Named tells that it was not a guess.
func (v *VideoLeg) belongs(h *header, k videoKind) (encoding uint8, named, ok bool) {
	p := &v.setup.params
	for e, s := range p.SSRCs {
		if k == videoMain && s.Main == h.ssrc || k == videoRepair && s.RTX == h.ssrc && s.RTX != 0 {
			return uint8(e), true, true
		}
	}
	if mid := h.element(p.MIDID); mid != nil && string(mid) != p.MID {
		return 0, false, false
	}
	id := p.RIDID
	if k == videoRepair {
		id = p.RepairedRIDID
	}
	if rid := h.element(id); rid != nil {
		for e, name := range p.RIDs {
			if string(rid) == name {
				return uint8(e), true, true
			}
		}
	}
	return 0, false, v.setup.encodings == 1
}

// admit finds the source of a packet and takes it into its statistics. False: it is not, or
// not yet, one of the peer's sources, or out of sequence.
func (v *VideoLeg) admit(h *header, k videoKind, arrival int64) (encoding uint8, reason dropReason, ok bool) {
	e, ok := v.known(h.ssrc, k)
	named := false
	if !ok {
		if e, named, ok = v.belongs(h, k); !ok {
			return 0, dropSource, false
		}
	}
	s := v.place(e, k)
	if s.active && s.ssrc != h.ssrc {
		if ok = s.follow(h, named, arrival); !ok {
			return 0, dropSource, false
		}
		v.count.changes.Add(1)
	} else if !s.take(h) {
		return 0, dropSequence, false
	}
	s.heard = arrival
	if k == videoMain {
		s.measure(h.timestamp, v.leg.plan.rate, arrival)
		if e == 0 {
			v.leg.reception.ssrc = h.ssrc // which latching asks for
		}
	}
	return e, 0, true
}

// take counts a packet of the source that has the place, or the first one at all.
func (s *source) take(h *header) bool {
	if s.active {
		if late := s.maxSeq - h.sequence; late != 0 && late < maxLate {
			s.got++
			return true
		}
	}
	s.rivalNext = noSeq
	return s.reception.admit(h)
}

// follow tells whether another SSRC takes the place.
func (s *source) follow(h *header, named bool, arrival int64) bool {
	if s.since != 0 && arrival-s.since < sourceHold {
		return false
	}
	if named || arrival-s.heard >= sourceSilence {
		s.replace(h)
	} else if !s.reception.admit(h) {
		return false
	}
	s.since, s.srTime = arrival, 0
	return true
}
