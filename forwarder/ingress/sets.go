package ingress

import (
	"encoding/binary"
	"math/bits"

	"github.com/confd/confd/media"
)

// Limits of the parameter sets that are remembered.
const (
	MaxSets    = 8   // of a stream
	MaxSetSize = 256 // bytes; those of real encoders have 10 to 100
)

// Types of NAL units (RFC 6184 table 1 and ITU-T H.264 table 7-1, RFC 7798 section 4.4 and
// ITU-T H.265 table 7-1).
const (
	h264LastSlice = 5
	h264SPS       = 7
	h264PPS       = 8
	h264STAPA     = 24
	h264FUA       = 28
	h265LastSlice = 31
	h265VPS       = 32
	h265SPS       = 33
	h265PPS       = 34
	h265AP        = 48
	h265FU        = 49
)

// sets are the latest parameter sets of H.264 or H.265 that were sent in band.
type sets struct {
	codec  media.VideoCodec
	list   []set     // capacity MaxSets
	order  []*Packet // the same, as a decoder needs them
	next   int       // whose place the next one takes when all are taken
	inBand bool      // the last key frame had them along
	lost   uint64    // too long to be remembered
}

// set is one parameter set, a NAL unit, as the payload of a packet.
type set struct {
	kind   kinds
	id     uint8
	packet Packet
	data   [MaxSetSize]byte
}

// clear forgets all sets.
func (s *sets) clear() { s.list, s.order, s.next, s.inBand = s.list[:0], s.order[:0], 0, false }

// kinds are kinds of parameter sets.
type kinds uint8

const (
	kindVPS kinds = 1 << iota
	kindSPS
	kindPPS
)

// all tells whether they are all that the codec has.
func (s *sets) all(k kinds) bool {
	if s.codec == media.H264 {
		return k == kindSPS|kindPPS
	}
	return k == kindVPS|kindSPS|kindPPS
}

// complete tells whether one of each kind is remembered.
func (s *sets) complete() bool {
	var k kinds
	for i := range s.list {
		k |= s.list[i].kind
	}
	return s.all(k)
}

// learn remembers the parameter sets of a payload. It tells which there were, and whether
// there are slices, too.
func (s *sets) learn(payload []byte) (coded bool, found kinds) {
	skip := s.aggregated(payload)
	if skip == 0 {
		return s.unit(payload)
	}
	for rest := payload[skip:]; len(rest) > 2; {
		size := int(binary.BigEndian.Uint16(rest)) // before each unit
		if rest = rest[2:]; size == 0 || size > len(rest) {
			break
		}
		slices, kind := s.unit(rest[:size])
		coded, found = coded || slices, found|kind
		rest = rest[size:]
	}
	return coded, found
}

// aggregated returns how long the header of an aggregation is, 0 if the payload is none.
func (s *sets) aggregated(payload []byte) int {
	switch kind := s.kind(payload); {
	case s.codec == media.H264 && kind == h264STAPA:
		return 1
	case s.codec == media.H265 && kind == h265AP:
		return 2
	}
	return 0
}

// kind returns a NAL unit's type.
func (s *sets) kind(unit []byte) uint8 {
	switch {
	case len(unit) == 0:
		return 0
	case s.codec == media.H264:
		return unit[0] & 0x1f
	}
	return unit[0] >> 1 & 0x3f
}

// unit takes one NAL unit. It tells whether that is a slice, or a fragment, as only slices
// need to be, and which kind of parameter set.
func (s *sets) unit(unit []byte) (coded bool, found kinds) {
	kind := s.kind(unit)
	if s.codec == media.H264 {
		switch {
		case kind == h264SPS && len(unit) > 4: // its number is behind profile, constraints and level
			return false, s.keep(kindSPS, number(unit[4:]), unit)
		case kind == h264PPS:
			return false, s.keep(kindPPS, number(unit[1:]), unit)
		}
		return kind > 0 && kind <= h264LastSlice || kind >= h264FUA, 0
	}
	switch {
	case kind == h265VPS && len(unit) > 2:
		return false, s.keep(kindVPS, unit[2]>>4, unit)
	case kind == h265SPS: // its number is behind much else; there is one
		return false, s.keep(kindSPS, 0, unit)
	case kind == h265PPS && len(unit) > 2:
		return false, s.keep(kindPPS, number(unit[2:]), unit)
	}
	return kind <= h265LastSlice || kind == h265FU, 0
}

// keep remembers a set, in the place of the one with its number.
func (s *sets) keep(kind kinds, id uint8, unit []byte) kinds {
	if len(unit) > MaxSetSize {
		s.lost++
		return 0
	}
	one := s.place(kind, id)
	one.kind, one.id = kind, id
	one.packet.Payload = one.data[:copy(one.data[:], unit)]
	one.packet.Info.Begin, one.packet.Info.Parameters = true, true
	s.sort()
	return kind
}

// sort puts the sets into the order of their types, which is the one that refers backwards
// only.
func (s *sets) sort() {
	s.order = s.order[:0]
	for kind := kindVPS; kind <= kindPPS; kind <<= 1 {
		for i := range s.list {
			if s.list[i].kind == kind {
				s.order = append(s.order, &s.list[i].packet)
			}
		}
	}
}

func (s *sets) place(kind kinds, id uint8) *set {
	for i := range s.list {
		if one := &s.list[i]; one.kind == kind && one.id == id {
			return one
		}
	}
	if s.list == nil {
		s.list, s.order = make([]set, 0, MaxSets), make([]*Packet, 0, MaxSets)
	}
	if len(s.list) < MaxSets {
		s.list = s.list[:len(s.list)+1]
		return &s.list[len(s.list)-1]
	}
	s.next = (s.next + 1) % MaxSets
	return &s.list[s.next]
}

// number reads an unsigned Exp-Golomb code (ITU-T H.264 section 9.1); above 254 it is 255.
func number(b []byte) uint8 {
	var head [4]byte
	copy(head[:], b)
	v := binary.BigEndian.Uint32(head[:])
	zeros := bits.LeadingZeros32(v)
	if zeros > 7 {
		return 255
	}
	return uint8(v<<zeros>>(31-zeros) - 1)
}

// Parameters returns the parameter sets that the source sent last, each in a packet, in the
// order that a decoder needs them in; their timestamps and markers mean nothing. They are
// valid until the next call of Next. Codecs other than H.264 and H.265 have none.
func (s *Stream) Parameters() []*Packet { return s.sets.order }
