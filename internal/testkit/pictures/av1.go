package pictures

// av1 is an aggregation header (AV1's RTP payload format, section 4.4), in the first packet
// with the header of the frame's OBU behind it, and in a key frame's a sequence header
// before that.
func (p *part) av1() []byte {
	sequence := p.first && p.key && p.layer == 0
	b := []byte{flag(!p.first, 0x80) | flag(!p.last, 0x40) | 1<<4 | flag(sequence, 0x08)}
	if !p.first {
		return b
	}
	if sequence {
		b[0] += 1 << 4
		header := append([]byte{1 << 3}, av1Sequence(p.Width, p.Height)...)
		b = append(append(b, byte(len(header))), header...)
	}
	if p.Temporal == 1 && p.Spatial == 1 {
		b = append(b, 6<<3)
	} else {
		b = append(b, 6<<3|0x04, byte(p.temporal)<<5|byte(p.layer)<<3)
	}
	if p.key && p.layer == 0 {
		return append(b, 0x10) // a key frame, shown
	}
	return append(b, 0x30) // an inter frame, shown
}

// av1Sequence is a sequence header (AV1 section 5.5.1) behind its OBU header, up to the size.
func av1Sequence(width, height uint16) []byte {
	var w bitWriter
	w.put(0, 5)  // profile 0, no still picture
	w.put(0, 2)  // neither timing nor delays
	w.put(0, 5)  // one operating point
	w.put(0, 12) // of all layers
	w.put(8, 5)
	w.put(0, 1)
	w.put(15<<4|15, 8)
	w.put(uint32(width)-1, 16)
	w.put(uint32(height)-1, 16)
	return w.trailing()
}
