package payload

// H.265 NAL unit types (H.265 table 7-1, RFC 7798 section 4.4).
const (
	h265TSAN     = 2
	h265STSAR    = 5
	h265RASLN    = 8
	h265RASLR    = 9
	h265LastN    = 14 // up to here, even types are of pictures that their layer does not need
	h265IRAP     = 16
	h265LastIRAP = 21
	h265LastVCL  = 31
	h265VPS      = 32
	h265SPS      = 33
	h265PPS      = 34
	h265AUD      = 35
	h265SEI      = 39
	h265AP       = 48
	h265FU       = 49
	h265PACI     = 50
)

// h265Header is the header of a NAL unit, of two bytes.
type h265Header struct {
	kind, layer, temporal byte
}

func readH265Header(b []byte) (h h265Header, err error) {
	if len(b) < 2 {
		return h, ErrShort
	}
	h = h265Header{kind: b[0] >> 1 & 0x3f, layer: b[0]&1<<5 | b[1]>>3, temporal: b[1] & 7}
	if h.temporal == 0 {
		return h, ErrMalformed // it is the layer plus one
	}
	h.temporal--
	return h, nil
}

func readH265(b []byte, i *Info) error {
	u := units{Info: i}
	defer u.done()
	h, err := readH265Header(b)
	if err != nil {
		return err
	}
	u.Temporal, u.Spatial = h.temporal, min(h.layer, 7)
	b = b[2:]
	if h.kind == h265PACI {
		if h.kind, b, err = u.h265Information(b); err != nil {
			return err
		}
	}
	switch {
	case h.kind == h265AP:
		return u.h265Aggregate(b)
	case h.kind == h265FU:
		return u.h265Fragment(h, b)
	case h.kind >= h265PACI:
		return ErrMalformed
	}
	u.h265Unit(h, b)
	return nil
}

// h265Information reads a PACI's header behind the payload's, and returns which type of
// payload it carries and the rest of that (RFC 7798 section 4.4.4).
func (u *units) h265Information(b []byte) (kind byte, rest []byte, err error) {
	if len(b) < 2 {
		return 0, nil, ErrShort
	}
	kind = b[0] >> 1 & 0x3f
	size := int(b[0]&1)<<4 | int(b[1]>>4)
	if len(b) < 2+size {
		return 0, nil, ErrShort
	}
	if kind == h265PACI {
		return 0, nil, ErrMalformed
	}
	if b[1]&0x08 != 0 { // with temporal scalability control information
		if size < 3 {
			return 0, nil, ErrMalformed
		}
		u.HasTL0, u.TL0 = true, b[2]
	}
	return kind, b[2+size:], nil
}

// h265Aggregate reads units, each behind its size. Decoding order numbers (sprop-max-don-diff
// above 0) are never negotiated.
func (u *units) h265Aggregate(b []byte) error {
	for n := 0; n == 0 || len(b) > 0; n++ {
		if len(b) < 2 {
			return ErrShort
		}
		size := int(b[0])<<8 | int(b[1])
		b = b[2:]
		switch {
		case size < 2 || n == maxUnits:
			return ErrMalformed
		case len(b) < size:
			return ErrShort
		}
		h, err := readH265Header(b)
		if err != nil {
			return err
		}
		if h.kind >= h265AP {
			return ErrMalformed
		}
		u.h265Unit(h, b[2:size])
		b = b[size:]
	}
	return nil
}

// h265Fragment reads a part of a unit (RFC 7798 section 4.4.3).
func (u *units) h265Fragment(h h265Header, b []byte) error {
	if len(b) < 2 {
		return ErrShort
	}
	h.kind = b[0] & 0x3f
	switch {
	case h.kind >= h265AP:
		return ErrMalformed
	case b[0]&0x80 != 0:
		u.h265Unit(h, b[1:])
	default:
		u.h265Slice(h)
	}
	return nil
}

// h265Unit reads a unit behind its header, or its first part.
func (u *units) h265Unit(h h265Header, body []byte) {
	u.h265Slice(h)
	switch h.kind {
	case h265SPS:
		u.Begin, u.Parameters = true, true
		if h.layer == 0 {
			readH265SPS(body, u.Info)
		}
	case h265VPS, h265PPS:
		u.Begin, u.Parameters = true, true
	case h265AUD, h265SEI:
		u.Begin = true
	default: // a slice begins with whether it is its picture's first
		u.Begin = u.Begin || h.kind <= h265LastVCL && h.layer == 0 && len(body) > 0 && body[0]&0x80 != 0
	}
}

// h265Slice learns from the type of a slice, of which any part says as much. Whether higher
// temporal layers need a picture that its own does not, is not told; a sender of one layer
// has none.
func (u *units) h265Slice(h h265Header) {
	if h.kind > h265LastVCL {
		return
	}
	u.slices = true
	u.needed = u.needed || h.kind > h265LastN || h.kind&1 == 1 || h.temporal > 0
	u.Key = u.Key || h.kind >= h265IRAP && h.kind <= h265LastIRAP && h.layer == 0
	u.Leading = u.Leading || h.kind == h265RASLN || h.kind == h265RASLR
	u.Sync = u.Sync || h.kind >= h265TSAN && h.kind <= h265STSAR
}
