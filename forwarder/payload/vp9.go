package payload

// Bits of the VP9 payload descriptor (RFC 9628 section 4.2).
const (
	vp9HasPicture = 0x80 // I
	vp9Predicted  = 0x40 // P
	vp9HasLayer   = 0x20 // L
	vp9Flexible   = 0x10 // F
	vp9Begin      = 0x08 // B
	vp9End        = 0x04 // E
	vp9Structure  = 0x02 // V
	vp9SwitchUp   = 0x10 // U
	vp9MaxDiffs   = 3
)

func readVP9(b []byte, i *Info) error {
	at, err := readVP9Descriptor(b, i)
	if err == nil && i.Begin {
		readVP9Header(b[at:], b[0]&vp9Predicted == 0, i)
	}
	return err
}

// readVP9Descriptor reads the descriptor field by field, and returns where the picture's data
// are; at is where the next field is.
func readVP9Descriptor(b []byte, i *Info) (at int, err error) {
	first := b[0]
	if at, err = readVP9Numbers(b, i); err != nil {
		return at, err
	}
	if first&vp9Flexible != 0 && first&vp9Predicted != 0 {
		if at, err = skipVP9Diffs(b, at); err != nil {
			return at, err
		}
	}
	if first&vp9Structure != 0 {
		if at, err = readVP9Structure(b, at, i); err != nil {
			return at, err
		}
	}
	if len(b) <= at {
		return at, ErrShort
	}
	i.Begin, i.End = first&vp9Begin != 0, first&vp9End != 0
	return at, nil
}

// readVP9Numbers reads the picture id and the layers.
func readVP9Numbers(b []byte, i *Info) (at int, err error) {
	at = 1
	if b[0]&vp9HasPicture != 0 {
		if len(b) < at+1 || b[at]&longPicture != 0 && len(b) < at+2 {
			return at, ErrShort
		}
		at += readPictureID(b[at:], i)
	}
	if b[0]&vp9HasLayer == 0 {
		return at, nil
	}
	if len(b) < at+2 {
		return at, ErrShort // of the layers, or of what comes after
	}
	i.Temporal, i.Spatial, i.Sync = b[at]>>5, b[at]>>1&7, b[at]&vp9SwitchUp != 0
	at++
	if b[0]&vp9Flexible == 0 {
		i.HasTL0, i.TL0 = true, b[at]
		at++
	}
	return at, nil
}

// skipVP9Diffs skips the reference indices: at most three, each of which says in its lowest
// bit whether another follows.
func skipVP9Diffs(b []byte, at int) (int, error) {
	for range vp9MaxDiffs {
		if len(b) <= at {
			return at, ErrShort
		}
		at++
		if b[at-1]&1 == 0 {
			return at, nil
		}
	}
	return at, ErrMalformed
}

// readVP9Structure reads the scalability structure (RFC 9628 section 4.2.1): the sizes of
// the spatial layers, then the pictures of a group.
func readVP9Structure(b []byte, at int, i *Info) (int, error) {
	if len(b) <= at {
		return at, ErrShort
	}
	layers, sizes, group := int(b[at]>>5)+1, b[at]&0x10 != 0, b[at]&0x08 != 0
	at++
	if sizes {
		if len(b) < at+4*layers {
			return at, ErrShort
		}
		for ; layers > 0; layers-- {
			i.Width = max(i.Width, uint16(b[at])<<8|uint16(b[at+1]))
			i.Height = max(i.Height, uint16(b[at+2])<<8|uint16(b[at+3]))
			at += 4
		}
	}
	if !group {
		return at, nil
	}
	return skipVP9Group(b, at)
}

func skipVP9Group(b []byte, at int) (int, error) {
	if len(b) <= at {
		return at, ErrShort
	}
	pictures := int(b[at])
	for at++; pictures > 0; pictures-- {
		if len(b) <= at {
			return at, ErrShort
		}
		at += 1 + int(b[at]>>2&3)
	}
	return at, nil
}

// readVP9Header reads the beginning of a frame's uncompressed header (the VP9 bitstream
// specification, section 6.2). Not all senders set P, so that a picture is key only if both
// descriptor and header say so.
func readVP9Header(b []byte, intra bool, i *Info) {
	r := bits{data: b}
	if r.read(2) != 2 {
		return
	}
	profile := r.read(1) | r.read(1)<<1
	if profile == 3 {
		r.skip(1)
	}
	if r.flag() { // shows a picture that there is already
		i.Discardable = !r.over
		return
	}
	inter, show, resilient := r.flag(), r.flag(), r.flag()
	switch {
	case r.over:
	case inter:
		i.Discardable = vp9Unreferenced(&r, profile, show, resilient)
	case intra && i.Spatial == 0 && r.read(24) == 0x498342:
		i.Key = true
		readVP9Size(&r, profile, i)
	}
}

// vp9Unreferenced tells whether a frame that is no key frame replaces no reference.
func vp9Unreferenced(r *bits, profile uint32, show, resilient bool) bool {
	intraOnly := !show && r.flag()
	if !resilient {
		r.skip(2)
	}
	if intraOnly {
		r.skip(24)
		if profile > 0 {
			return false // its colours come between
		}
	}
	return r.read(8) == 0 && !r.over
}

// readVP9Size reads a key frame's size, unless a scalability structure has told it.
func readVP9Size(r *bits, profile uint32, i *Info) {
	if profile >= 2 {
		r.skip(1)
	}
	sampled := profile&1 != 0
	if r.read(3) != 7 { // all but sRGB
		r.skip(1)
		if sampled {
			r.skip(3)
		}
	} else if sampled {
		r.skip(1)
	}
	width, height := r.read(16)+1, r.read(16)+1
	if !r.over && i.Width == 0 && width < 1<<16 && height < 1<<16 {
		i.Width, i.Height = uint16(width), uint16(height)
	}
}

func rewriteVP9(dst, b []byte, n *Numbers) ([]byte, int) {
	if len(b) < 3 {
		return dst, 0
	}
	before, first, at := len(dst), b[0], 1
	dst = append(dst, first)
	if first&vp9HasPicture != 0 {
		dst = append(dst, longPicture|byte(n.PictureID>>8), byte(n.PictureID))
		at += pictureIDSize(b[1])
	}
	if first&vp9HasLayer != 0 && at < len(b) {
		dst = append(dst, b[at])
		at++
		if first&vp9Flexible == 0 {
			dst = append(dst, n.TL0)
			at++
		}
	}
	if at == 1 || at >= len(b) {
		return dst[:before], 0
	}
	return dst, at
}
