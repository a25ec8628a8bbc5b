package pictures

import "encoding/binary"

// h264 is the header of a NAL unit, or of a part of one that is longer than a packet
// (RFC 6184 sections 5.6 and 5.8), and in the first the beginning of the slice header.
func (p *part) h264() []byte {
	unit := byte(0x41)
	switch {
	case p.key:
		unit = 0x65
	case p.discardable():
		unit = 0x01
	}
	slice := []byte{0x9a}[:flag(p.first, 1)]
	if p.first && p.last {
		return append([]byte{unit}, slice...)
	}
	return append([]byte{unit&0x60 | 28, flag(p.first, 0x80) | flag(p.last, 0x40) | unit&0x1f}, slice...)
}

// h264Sets is a STAP-A (RFC 6184 section 5.7.1) of parameter sets and an SEI unit that ends
// in the tag.
func h264Sets(width, height uint16) []byte {
	b := []byte{0x78}
	b = appendUnit(b, append([]byte{0x67}, h264SPS(width, height)...))
	b = appendUnit(b, []byte{0x68, 0xce, 0x3c, 0x80})
	return append(b, 0, tagSize+1, 0x06)
}

func appendUnit(b, unit []byte) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(unit))), unit...)
}

// h264SPS is a sequence parameter set of the constrained baseline profile (H.264 section
// 7.3.2.1.1) behind its NAL header.
func h264SPS(width, height uint16) []byte {
	w := bitWriter{}
	w.put(66, 8)
	w.put(0xc0, 8)
	w.put(31, 8)
	for _, v := range []uint32{0, 0, 2, 1} { // its id, frame numbers, picture order, references
		w.ue(v)
	}
	w.put(0, 1)
	across, down := (uint32(width)+15)/16, (uint32(height)+15)/16
	w.ue(across - 1)
	w.ue(down - 1)
	w.put(0b11, 2) // frames only
	w.crop(across*16-uint32(width), down*16-uint32(height))
	w.put(0, 1)
	return escape(w.trailing())
}

// h265 is the header of a NAL unit, or of a part of one (RFC 7798 sections 4.4.1 and 4.4.3),
// and in the first the beginning of the slice header.
func (p *part) h265() []byte {
	kind := byte(1) // TRAIL_R
	switch {
	case p.key:
		kind = 19 // IDR_W_RADL
	case p.discardable():
		kind = 2 // TSA_N
	case p.temporal > 0:
		kind = 3 // TSA_R
	}
	slice := []byte{0xaf}[:flag(p.first, 1)]
	temporal := byte(p.temporal) + 1
	if p.first && p.last {
		return append([]byte{kind << 1, temporal}, slice...)
	}
	return append([]byte{49 << 1, temporal, flag(p.first, 0x80) | flag(p.last, 0x40) | kind}, slice...)
}

// h265Sets is an aggregation packet (RFC 7798 section 4.4.2) of parameter sets and an SEI
// unit that ends in the tag.
func h265Sets(width, height uint16) []byte {
	b := []byte{48 << 1, 1}
	b = appendUnit(b, []byte{32 << 1, 1, 0x0c, 0x01, 0xff, 0xff})
	b = appendUnit(b, append([]byte{33 << 1, 1}, h265SPS(width, height)...))
	b = appendUnit(b, []byte{34 << 1, 1, 0xc1, 0x72})
	return append(b, 0, tagSize+2, 39<<1, 1)
}

// h265SPS is the beginning of a sequence parameter set of the main profile (H.265 section
// 7.3.2.2.1) behind its NAL header.
func h265SPS(width, height uint16) []byte {
	w := bitWriter{}
	w.put(0x01, 8) // no temporal layers of their own, nested
	w.put(0x01, 8)
	w.put(0x60000000, 32)
	w.put(0, 32)
	w.put(0, 16)
	w.put(93, 8) // level 3.1
	w.ue(0)
	w.ue(1)
	across, down := (uint32(width)+7)/8*8, (uint32(height)+7)/8*8
	w.ue(across)
	w.ue(down)
	w.crop(across-uint32(width), down-uint32(height))
	return escape(w.trailing())
}

// escape puts a 3 after two zero bytes that are followed by a byte of at most 3.
func escape(raw []byte) (b []byte) {
	zeros := 0
	for _, v := range raw {
		if zeros >= 2 && v <= 3 {
			b, zeros = append(b, 3), 0
		}
		b = append(b, v)
		if zeros++; v != 0 {
			zeros = 0
		}
	}
	return b
}
