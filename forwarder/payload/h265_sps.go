package payload

// readH265SPS reads the size of the pictures from a sequence parameter set behind its NAL
// header (H.265 section 7.3.2.2.1). One that is cut off or makes no sense tells no size.
func readH265SPS(b []byte, i *Info) {
	r := bits{data: b, escaped: true}
	r.skip(4)
	layers := r.read(3) // sps_max_sub_layers_minus1
	r.skip(1)
	skipH265Profile(&r, int(layers))
	r.ue()
	chroma, planes := r.ue(), false
	if chroma == 3 {
		planes = r.flag()
	}
	width, height := r.ue(), r.ue()
	if r.over || width == 0 || height == 0 || width > maxSide || height > maxSide {
		return
	}
	unitX, unitY := chromaUnits(chroma, planes)
	setSize(&r, width, height, unitX, unitY, i)
}

// skipH265Profile skips profile, tier and level (section 7.3.3), of the whole and of the
// temporal layers.
func skipH265Profile(r *bits, layers int) {
	r.skip(88 + 8)
	if layers == 0 {
		return
	}
	var profiles, levels int
	for range layers {
		profiles += int(r.read(1))
		levels += int(r.read(1))
	}
	r.skip(2 * (8 - layers))
	r.skip(88*profiles + 8*levels)
}
