package payload

// bits reads a bit string, most significant bit first. Past its end it yields zeros and over
// is true. With escaped, the bytes 3 that H.264 and H.265 put after two zero bytes are left
// out (their section 7.4.1).
type bits struct {
	data    []byte
	escaped bool
	over    bool
	at      int // of the next byte
	zeros   int // zero bytes right before at
	cur     byte
	left    int // bits of cur that are not read yet
}

// next loads the next byte.
func (r *bits) next() {
	if r.escaped && r.zeros >= 2 && r.at < len(r.data) && r.data[r.at] == 3 {
		r.at++
		r.zeros = 0
	}
	r.left = 8
	if r.at >= len(r.data) {
		r.cur, r.over = 0, true
		return
	}
	r.cur = r.data[r.at]
	r.at++
	if r.cur == 0 {
		r.zeros++
	} else {
		r.zeros = 0
	}
}

// read returns the next n bits, at most 32, as a number.
func (r *bits) read(n int) (v uint32) {
	for n > 0 {
		if r.left == 0 {
			r.next()
		}
		k := min(n, r.left)
		r.left -= k
		v = v<<k | uint32(r.cur>>r.left)&(1<<k-1)
		n -= k
	}
	return v
}

func (r *bits) flag() bool { return r.read(1) == 1 }

// skip passes over n bits, or all that there are.
func (r *bits) skip(n int) {
	for ; n > 32 && !r.over; n -= 32 {
		r.read(32)
	}
	r.read(min(n, 32))
}

// ue reads an unsigned Exp-Golomb number (H.264 section 9.1). One that does not fit into
// 32 bits ends the reading.
func (r *bits) ue() uint32 {
	zeros := 0
	for !r.flag() {
		if zeros++; zeros > 31 || r.over {
			r.over = true
			return 0
		}
	}
	return 1<<zeros - 1 + r.read(zeros)
}

// se reads a signed Exp-Golomb number (H.264 section 9.1.1).
func (r *bits) se() int32 {
	v := r.ue()
	if v&1 == 0 {
		return -int32(v >> 1)
	}
	return int32(v>>1) + 1
}
