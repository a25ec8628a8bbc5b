package payload

// H.264 NAL unit types (H.264 table 7-1, RFC 6184 table 1, RFC 6190 table 1).
const (
	h264PartitionB = 3
	h264PartitionC = 4
	h264IDR        = 5
	h264SEI        = 6
	h264SPS        = 7
	h264PPS        = 8
	h264Delimiter  = 9
	h264Prefix     = 14
	h264SubsetSPS  = 15
	h264Extension  = 20 // a slice of a layer above the base
	h264STAPA      = 24
	h264STAPB      = 25
	h264MTAP16     = 26
	h264MTAP24     = 27
	h264FUA        = 28
	h264FUB        = 29
	h264PACSI      = 30
)

// maxUnits is how many NAL units or OBUs of one packet are read at most. Those of real
// packets have a handful.
const maxUnits = 128

// units is what is learnt of a packet over its NAL units.
type units struct {
	*Info
	slices, needed bool // holds slices, holds one that others need
}

func (u *units) done() { u.Discardable = u.slices && !u.needed }

func readH264(b []byte, i *Info) (err error) {
	u := units{Info: i}
	defer u.done()
	header := b[0]
	switch header & 0x1f {
	case 0, 31:
		return ErrMalformed
	case h264STAPA:
		return u.h264Aggregate(b, 1, 0)
	case h264STAPB:
		return u.h264Aggregate(b, 3, 0)
	case h264MTAP16:
		return u.h264Aggregate(b, 3, 3)
	case h264MTAP24:
		return u.h264Aggregate(b, 3, 4)
	case h264FUA:
		return u.h264Fragment(b, 2)
	case h264FUB:
		return u.h264Fragment(b, 4)
	}
	return u.h264Unit(header, b[1:])
}

// h264Aggregate reads units from at on, each behind its size and extra bytes (RFC 6184
// section 5.7).
func (u *units) h264Aggregate(b []byte, at, extra int) error {
	for n := 0; n == 0 || at < len(b); n++ {
		if len(b) < at+2 {
			return ErrShort
		}
		size := int(b[at])<<8 | int(b[at+1])
		at += 2 + extra
		switch {
		case size == 0 || n == maxUnits:
			return ErrMalformed
		case len(b) < at+size:
			return ErrShort
		}
		if t := b[at] & 0x1f; t == 0 || t >= h264STAPA && t != h264PACSI {
			return ErrMalformed // no aggregates in aggregates
		}
		if err := u.h264Unit(b[at], b[at+1:at+size]); err != nil {
			return err
		}
		at += size
	}
	return nil
}

// h264Fragment reads a part of a unit, which begins at size (RFC 6184 section 5.8).
func (u *units) h264Fragment(b []byte, size int) error {
	if len(b) <= size {
		return ErrShort
	}
	header := b[0]&0xe0 | b[1]&0x1f
	if t := header & 0x1f; t == 0 || t >= h264STAPA {
		return ErrMalformed
	}
	if b[1]&0x80 != 0 {
		return u.h264Unit(header, b[size:])
	}
	u.h264Slice(header)
	return nil
}

// h264Unit reads a unit, or its first part.
func (u *units) h264Unit(header byte, body []byte) error {
	u.h264Slice(header)
	switch t := header & 0x1f; t {
	case h264SPS:
		u.Begin, u.Parameters = true, true
		readH264SPS(body, u.Info)
	case h264PPS, h264SubsetSPS:
		u.Begin, u.Parameters = true, true
	case h264SEI, h264Delimiter:
		u.Begin = true
	case h264Prefix, h264Extension, h264PACSI:
		return u.h264Layers(t, body)
	case h264PartitionB, h264PartitionC:
	default:
		// The slice header begins with the number of the first macroblock: 0 is a single bit.
		u.Begin = u.Begin || t <= h264IDR && len(body) > 0 && body[0]&0x80 != 0
	}
	return nil
}

// h264Slice learns from the header of a slice, of which any part says as much.
func (u *units) h264Slice(header byte) {
	switch t := header & 0x1f; {
	case t >= 1 && t <= h264IDR:
		u.slices = true
		u.needed = u.needed || header&0x60 != 0
		u.Key = u.Key || t == h264IDR
	case t == h264Extension:
		u.slices, u.needed = true, true // whether it is, its own layer knows
	}
}

// h264Layers reads the extension of the unit's header (H.264 section G.7.3.1.1), which the
// three types share, and what a PACSI adds (RFC 6190 section 4.9).
func (u *units) h264Layers(t byte, b []byte) error {
	if len(b) < 3 {
		return ErrShort
	}
	if t != h264PACSI && b[0]&0x80 == 0 {
		return nil // of a view, not of a layer
	}
	u.Temporal = b[2] >> 5
	switch t {
	case h264Prefix:
		u.Begin = true
	case h264Extension:
		u.Spatial = b[1] >> 4 & 7
	case h264PACSI:
		u.Begin = true
		if len(b) < 4 || b[3]&0x40 != 0 && len(b) < 7 {
			return ErrShort
		}
		if b[3]&0x40 != 0 {
			u.HasTL0, u.TL0 = true, b[4]
		}
	}
	return nil
}
