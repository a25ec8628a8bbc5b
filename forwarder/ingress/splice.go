package ingress

import (
	"encoding/binary"

	"github.com/confd/confd/media"
)

// Types of H.265 NAL units that matter where streams are spliced (ITU-T H.265 table 7-1).
const (
	h265BLAWLP = 16
	h265CRA    = 21
)

// splice makes a payload of H.265 fit to be gone over to. The payload has been found to be whole.
//
// A CRA picture begins a new coded video sequence only as the first of a stream (section
// 8.1.3). In the midst of one, as after a switch, a decoder counts picture order on from
// another source's pictures, and fails. So CRA pictures become BLA pictures, which are coded
// alike but for the type and always begin anew: that is what they are for. The RASL pictures
// that follow one need what was before it, which is not there any more; Next leaves them out.
func splice(codec media.VideoCodec, payload []byte) {
	if codec != media.H265 || len(payload) < 3 {
		return
	}
	switch payload[0] >> 1 & 0x3f {
	case h265FU:
		payload[2] = payload[2]&^0x3f | spliced(payload[2]&0x3f)
	case h265AP:
		for b := payload[2:]; len(b) > 2; b = b[2+min(int(binary.BigEndian.Uint16(b)), len(b)-2):] {
			spliceUnit(&b[2])
		}
	default:
		spliceUnit(&payload[0])
	}
}

// spliceUnit takes the first byte of a NAL unit's header.
func spliceUnit(first *byte) { *first = *first&^0x7e | spliced(*first>>1&0x3f)<<1 }

// spliced returns the type to be given to a NAL unit of a type.
func spliced(kind byte) byte {
	if kind == h265CRA {
		return h265BLAWLP
	}
	return kind
}
