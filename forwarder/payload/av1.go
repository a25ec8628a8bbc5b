package payload

// AV1 OBU types (AV1 section 6.2.2).
const (
	av1Sequence    = 1
	av1Delimiter   = 2
	av1FrameHeader = 3
	av1Metadata    = 5
	av1Frame       = 6
	av1Tiles       = 8
	av1Padding     = 15
)

// Bits of an OBU's header (AV1 section 5.3.2).
const (
	av1Extended = 0x04
	av1Sized    = 0x02
)

// av1 is what is learnt of a packet over its OBUs.
type av1 struct {
	*Info
	sequence bool // a sequence header came
	layered  bool // an OBU told its layers
}

// readAV1 reads the aggregation header and the OBUs behind it (RTP Payload Format For AV1,
// section 4).
func readAV1(b []byte, i *Info) error {
	a := av1{Info: i}
	continued, cut := b[0]&0x80 != 0, b[0]&0x40 != 0
	count, fresh := int(b[0]>>4&3), b[0]&0x08 != 0
	if fresh && continued {
		return ErrMalformed
	}
	i.Key = fresh
	b = b[1:]
	n := 0
	for ; n == 0 || len(b) > 0; n++ {
		if n == maxUnits || count > 0 && n == count {
			return ErrMalformed
		}
		element, rest, err := av1Element(b, n+1 == count)
		if err != nil {
			return err
		}
		if n > 0 || !continued {
			if err := a.unit(element, n == 0, cut && len(rest) == 0); err != nil {
				return err
			}
		}
		b = rest
	}
	if n < count {
		return ErrShort
	}
	return nil
}

// av1Element returns the next OBU or part of one, and what follows it. The last has no
// length if the packet says how many there are.
func av1Element(b []byte, last bool) (element, rest []byte, err error) {
	if !last {
		var size int
		if size, b, err = leb128(b); err != nil {
			return nil, nil, err
		}
		if size > len(b) {
			return nil, nil, ErrShort
		}
		b, rest = b[:size], b[size:]
	}
	if len(b) == 0 {
		return nil, nil, ErrShort
	}
	return b, rest, nil
}

// leb128 reads a number of at most 32 bits (AV1 section 4.10.5) and returns what follows.
func leb128(b []byte) (v int, rest []byte, err error) {
	for n := range min(len(b), 8) {
		if n > 4 && b[n]&0x7f != 0 || n == 4 && b[n]&0x70 != 0 {
			return 0, nil, ErrMalformed
		}
		v |= int(b[n]&0x7f) << (7 * n)
		if b[n]&0x80 == 0 {
			return v, b[n+1:], nil
		}
	}
	if len(b) >= 8 {
		return 0, nil, ErrMalformed
	}
	return 0, nil, ErrShort
}

// unit reads an OBU or its first part (AV1 section 5.3); cut tells that the rest follows in
// the next packet.
func (a *av1) unit(b []byte, first, cut bool) error {
	header := b[0]
	if header&0x80 != 0 {
		return ErrMalformed
	}
	b = b[1:]
	if header&av1Extended != 0 {
		if len(b) == 0 {
			return av1Ends(cut)
		}
		if !a.layered {
			a.layered, a.Temporal, a.Spatial = true, b[0]>>5, b[0]>>3&3
		}
		b = b[1:]
	}
	if header&av1Sized != 0 { // it may say its length itself, in vain
		_, rest, err := leb128(b)
		if err != nil {
			return av1Ends(cut)
		}
		b = rest
	}
	a.content(header>>3&15, b, first)
	return nil
}

// av1Ends is the error of an OBU that ends within its header.
func av1Ends(cut bool) error {
	if cut {
		return nil
	}
	return ErrShort
}

// content learns from what an OBU holds.
func (a *av1) content(kind byte, b []byte, first bool) {
	switch kind {
	case av1Sequence:
		a.sequence, a.Parameters = true, true
		readAV1Sequence(b, a.Info)
	case av1Frame, av1FrameHeader: // begins with: shown again, and of which type, 0 is key
		a.Key = a.Key || a.sequence && len(b) > 0 && b[0]&0xe0 == 0
	case av1Delimiter, av1Metadata:
	default:
		return
	}
	a.Begin = a.Begin || first
}

// readAV1Sequence reads the largest size of the pictures from a sequence header (AV1 section
// 5.5.1). One that is cut off tells none.
func readAV1Sequence(b []byte, i *Info) {
	r := bits{data: b}
	r.skip(4)
	if r.flag() { // of still pictures, reduced
		r.skip(5)
	} else {
		skipAV1Points(&r, skipAV1Timing(&r))
	}
	widthBits, heightBits := int(r.read(4))+1, int(r.read(4))+1
	width, height := r.read(widthBits)+1, r.read(heightBits)+1
	if !r.over && width <= maxSide && height <= maxSide {
		i.Width, i.Height = uint16(width), uint16(height)
	}
}

// skipAV1Timing skips what is said of the decoder's timing, and returns the length of the
// numbers that say more for each operating point, 0 for none.
func skipAV1Timing(r *bits) (length int) {
	if !r.flag() {
		return 0
	}
	r.skip(64)
	if r.flag() {
		r.ue()
	}
	if !r.flag() {
		return 0
	}
	length = int(r.read(5)) + 1
	r.skip(32 + 5 + 5)
	return length
}

func skipAV1Points(r *bits, length int) {
	delays := r.flag()
	for n := r.read(5) + 1; n > 0 && !r.over; n-- {
		r.skip(12)
		if r.read(5) > 7 {
			r.skip(1)
		}
		if length > 0 && r.flag() {
			r.skip(2*length + 1)
		}
		if delays && r.flag() {
			r.skip(4)
		}
	}
}
