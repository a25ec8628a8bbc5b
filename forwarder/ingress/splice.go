package ingress

import (
	"encoding/binary"

	"github.com/confd/confd/media"
)

// Types of H.265 NAL units that matter where streams are spliced (ITU-T H.265 table 7-1).
const (
	h265RASLN  = 8
	h265RASLR  = 9
	h265BLAWLP = 16
	h265CRA    = 21
)

// splicer makes H.265 streams fit to be gone over to.
//
// A CRA picture begins a new coded video sequence only as the first of a stream (section
// 8.1.3). In the midst of one, as after a switch, a decoder counts picture order on from
// another source's pictures, and fails. So CRA pictures become BLA pictures, which are coded
// alike but for the type and always begin anew: that is what they are for. With those a
// decoder skips the RASL pictures that follow, so a source that sends such (B pictures of an
// open GOP) keeps its CRA.
type splicer struct{ leading bool }

// take changes the types in a payload that has been found to be whole.
func (s *splicer) take(codec media.VideoCodec, payload []byte) {
	if codec != media.H265 || len(payload) < 3 {
		return
	}
	switch payload[0] >> 1 & 0x3f {
	case h265FU:
		payload[2] = payload[2]&^0x3f | s.kind(payload[2]&0x3f)
	case h265AP:
		for b := payload[2:]; len(b) > 2; b = b[2+min(int(binary.BigEndian.Uint16(b)), len(b)-2):] {
			s.unit(&b[2])
		}
	default:
		s.unit(&payload[0])
	}
}

// unit takes the first byte of a NAL unit's header.
func (s *splicer) unit(first *byte) { *first = *first&^0x7e | s.kind(*first>>1&0x3f)<<1 }

// kind returns the type to be given to a NAL unit of a type.
func (s *splicer) kind(kind byte) byte {
	switch {
	case kind == h265RASLN || kind == h265RASLR:
		s.leading = true
	case kind == h265CRA && !s.leading:
		return h265BLAWLP
	}
	return kind
}
