package pictures

// vp8 is a payload descriptor (RFC 7741 section 4.2), in the first packet with the frame
// header (RFC 6386 section 9.1) behind it.
func (p *part) vp8() []byte {
	b := []byte{flag(p.first, 0x10) | flag(p.discardable(), 0x20)}
	if p.PictureIDBits > 0 || p.Temporal > 1 {
		b[0] |= 0x80
		b = append(b, flag(p.PictureIDBits > 0, 0x80)|flag(p.Temporal > 1, 0x70))
		b = p.pictureID(b)
	}
	if p.Temporal > 1 {
		b = append(b, p.tl0, byte(p.temporal)<<6|flag(p.sync, 0x20)|p.keys)
	}
	switch {
	case !p.first:
	case p.key:
		b = append(b, 0x10, 2, 0, 0x9d, 0x01, 0x2a, byte(p.Width), byte(p.Width>>8), byte(p.Height), byte(p.Height>>8))
	default:
		b = append(b, 0x11, 2, 0)
	}
	return b
}

// pictureID appends the id in one byte or two, as it is configured.
func (p *part) pictureID(b []byte) []byte {
	switch p.PictureIDBits {
	case 7:
		return append(b, byte(p.id))
	case 15:
		return append(b, 0x80|byte(p.id>>8), byte(p.id))
	}
	return b
}

// vp9 is a payload descriptor (RFC 9628 section 4.2), in the first packet with the beginning
// of the frame's uncompressed header behind it.
func (p *part) vp9() []byte {
	layers := p.Temporal > 1 || p.Spatial > 1
	structure := p.key && p.first && p.layer == 0 && layers
	b := []byte{flag(p.PictureIDBits > 0, 0x80) | flag(!p.key, 0x40) | flag(layers, 0x20) | flag(p.Flexible, 0x10) |
		flag(p.first, 0x08) | flag(p.last, 0x04) | flag(structure, 0x02)}
	b = p.pictureID(b)
	if layers {
		b = append(b, byte(p.temporal)<<5|flag(p.sync, 0x10)|byte(p.layer)<<1|flag(p.layer > 0, 1))
		if !p.Flexible {
			b = append(b, p.tl0)
		}
	}
	if p.Flexible && !p.key {
		b = append(b, byte(p.number-p.needs)<<1)
	}
	if structure {
		b = p.structure(b)
	}
	if p.first {
		b = append(b, p.vp9Frame()...)
	}
	return b
}

// structure appends a scalability structure: the size of each spatial layer, half of that
// above it, and in non-flexible mode the group of pictures.
func (p *part) structure(b []byte) []byte {
	b = append(b, byte(p.Spatial-1)<<5|0x10|flag(!p.Flexible, 0x08))
	for layer := range p.Spatial {
		w, h := p.size(layer)
		b = append(b, byte(w>>8), byte(w), byte(h>>8), byte(h))
	}
	if p.Flexible {
		return b
	}
	pattern := patterns[p.Temporal-1]
	b = append(b, byte(len(pattern)))
	for n, t := range pattern {
		back := []byte{byte(len(pattern)), 1, 2, 1}[n]
		b = append(b, byte(t)<<5|flag(t > 0 && n < 3, 0x10)|1<<2, back)
	}
	return b
}

// size is that of a spatial layer.
func (p *part) size(layer int) (width, height uint16) {
	down := p.Spatial - 1 - layer
	return p.Width >> down, p.Height >> down
}

func (p *part) vp9Frame() []byte {
	var w bitWriter
	w.put(2, 2)
	if p.key && p.layer == 0 {
		width, height := p.size(0)
		w.put(0b000010, 6) // profile 0, key frame, shown
		w.put(0x498342, 24)
		w.put(0b0010, 4)
		w.put(uint32(width)-1, 16)
		w.put(uint32(height)-1, 16)
	} else {
		w.put(0b000110, 6) // profile 0, inter frame, shown
		w.put(0, 2)
		w.put(uint32(flag(!p.discardable(), 1)), 8)
	}
	return w.done()
}
