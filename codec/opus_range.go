package codec

import "math/bits"

// rangeDecoder reads the symbols at the head of an Opus frame, RFC 6716 section 4.1. Past
// the end of the data it reads zeros, as the RFC has it.
type rangeDecoder struct {
	data []byte
	size uint32 // of the range
	val  uint32 // top of the range, less the code
	rem  uint32 // byte read last
	used int    // bits, whole ones
}

func (d *rangeDecoder) begin(frame []byte) {
	*d = rangeDecoder{data: frame, size: 128, used: 9}
	d.rem = d.next()
	d.val = 127 - d.rem>>1
	d.normalise()
}

func (d *rangeDecoder) next() uint32 {
	if len(d.data) == 0 {
		return 0
	}
	b := d.data[0]
	d.data = d.data[1:]
	return uint32(b)
}

func (d *rangeDecoder) normalise() {
	for d.size <= 1<<23 {
		last := d.rem
		d.rem = d.next()
		sym := (last<<8 | d.rem) >> 1 & 255
		d.size <<= 8
		d.val = (d.val<<8 + 255 - sym) & (1<<31 - 1)
		d.used += 8
	}
}

// tell returns how many bits were used, rounded up (section 4.1.6.1).
func (d *rangeDecoder) tell() int { return d.used - bits.Len32(d.size) }

// bit reads a flag that is set once in 2 to the power of logp.
func (d *rangeDecoder) bit(logp uint) bool {
	s := d.size >> logp
	set := d.val < s
	if set {
		d.size = s
	} else {
		d.val -= s
		d.size -= s
	}
	d.normalise()
	return set
}

// symbol reads one of an inverse cumulative distribution in units of 2 to the power of -8.
func (d *rangeDecoder) symbol(icdf []uint8) int { return d.symbolOf(icdf, 8) }

func (d *rangeDecoder) symbolOf(icdf []uint8, logTotal uint) int {
	r, s := d.size>>logTotal, d.size
	for i, p := range icdf {
		t := s
		s = r * uint32(p)
		if d.val >= s {
			d.val -= s
			d.size = t - s
			d.normalise()
			return i
		}
	}
	return len(icdf) - 1 // not reached: the last is 0
}

// uniform reads one of n equally likely values, 2 to 256 of them.
func (d *rangeDecoder) uniform(n uint32) uint32 {
	r := d.size / n
	v := n - min(d.val/r+1, n)
	d.update(v, v+1, n, r)
	return v
}

// update narrows the range to from low to high out of total; r is a unit of it.
func (d *rangeDecoder) update(low, high, total, r uint32) {
	s := r * (total - high)
	d.val -= s
	if low > 0 {
		d.size = r * (high - low)
	} else {
		d.size -= s
	}
	d.normalise()
}

// laplace reads a number that is 0 with probability zero and falls off by decay from there,
// in units of 2 to the power of -15 and -14 (section 4.3.2.1).
func (d *rangeDecoder) laplace(zero, decay uint32) int {
	const total, least, sure = 1 << 15, 1, 16
	r := d.size >> 15
	at := total - min(d.val/r+1, total)
	if at < zero {
		d.update(0, zero, total, r)
		return 0
	}
	n, low := 1, zero
	p := (total-2*least*sure-zero)*(16384-decay)>>15 + least
	for p > least && at >= low+2*p {
		p *= 2
		low += p
		p = (p-2*least)*decay>>15 + least
		n++
	}
	if p <= least {
		more := (at - low) >> 1
		n += int(more)
		low += 2 * more * least
	}
	if at < low+p {
		n = -n
	} else {
		low += p
	}
	d.update(low, min(low+p, total), total, r)
	return n
}
