package payload

// maxSide is the longest picture that is believed, in pixels.
const maxSide = 16384

// readH264SPS reads the size of the pictures from a sequence parameter set behind its NAL
// header (H.264 section 7.3.2.1.1). One that is cut off or makes no sense tells no size.
func readH264SPS(b []byte, i *Info) {
	r := bits{data: b, escaped: true}
	profile := r.read(8)
	r.skip(16)
	r.ue()
	chroma, planes := uint32(1), false
	if h264HasChroma(profile) {
		chroma, planes = readH264Chroma(&r)
	}
	r.ue() // log2_max_frame_num_minus4
	skipH264Order(&r)
	r.ue() // max_num_ref_frames
	r.skip(1)
	width, height := r.ue(), r.ue()
	fields := uint32(1)
	if !r.flag() { // frame_mbs_only_flag: without, a unit of height is a pair of fields
		fields = 2
		r.skip(1)
	}
	r.skip(1)
	if r.over || width >= maxSide/16 || height >= maxSide/16 {
		return
	}
	unitX, unitY := chromaUnits(chroma, planes)
	setSize(&r, (width+1)*16, (height+1)*16*fields, unitX, unitY*fields, i)
}

// h264HasChroma tells whether a profile's sets say how colours are sampled.
func h264HasChroma(profile uint32) bool {
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		return true
	}
	return false
}

func readH264Chroma(r *bits) (chroma uint32, planes bool) {
	chroma = r.ue()
	lists := 8
	if chroma == 3 {
		planes, lists = r.flag(), 12
	}
	r.ue()
	r.ue()
	r.skip(1)
	if !r.flag() {
		return chroma, planes
	}
	for n := range lists {
		if r.flag() {
			skipH264List(r, n < 6)
		}
	}
	return chroma, planes
}

// skipH264List skips a scaling list (section 7.3.2.1.1.1): 16 or 64 differences, which end
// early where the next value would be 0.
func skipH264List(r *bits, small bool) {
	size, last := 64, int32(8)
	if small {
		size = 16
	}
	for range size {
		last = (last + r.se() + 256) & 0xff
		if last == 0 || r.over {
			return
		}
	}
}

// skipH264Order skips the picture order count's parameters.
func skipH264Order(r *bits) {
	switch r.ue() {
	case 0:
		r.ue()
	case 1:
		r.skip(1)
		r.ue()
		r.ue()
		for n := min(r.ue(), 255); n > 0 && !r.over; n-- {
			r.ue()
		}
	}
}

// chromaUnits is what cropping counts in: chroma samples (H.264 table 6-1, H.265 table 6-1).
func chromaUnits(chroma uint32, planes bool) (x, y uint32) {
	switch {
	case planes || chroma == 0 || chroma > 2:
		return 1, 1
	case chroma == 2:
		return 2, 1
	}
	return 2, 2
}

// setSize reads the cropping, and sets the size less what it cuts off.
func setSize(r *bits, width, height, unitX, unitY uint32, i *Info) {
	if r.flag() {
		left, right, top, bottom := r.ue(), r.ue(), r.ue(), r.ue()
		if max(left, right, top, bottom) >= maxSide {
			return
		}
		x, y := (left+right)*unitX, (top+bottom)*unitY
		if x >= width || y >= height {
			return
		}
		width, height = width-x, height-y
	}
	if !r.over && width <= maxSide && height <= maxSide {
		i.Width, i.Height = uint16(width), uint16(height)
	}
}
