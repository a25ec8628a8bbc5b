package feedback

import "encoding/binary"

// Distribution counts receivers by a value (RFC 5760 section 7.1.2): bucket i of n has those
// from Low + i*(High-Low)/n on, up to where the next one begins.
type Distribution struct {
	Low, High uint32
	Buckets   []uint32 // 1 to MaxBuckets
}

// MaxBuckets is how many buckets are written or read.
const MaxBuckets = 128

const (
	distributionHeader = 12
	factorMask         = 15 // a bucket counts 2^factor receivers for each of its value
)

// Add counts one value. Those outside the limits go to the first or last bucket.
func (d *Distribution) Add(v uint32) {
	if n, width := uint64(len(d.Buckets)), uint64(d.High)-uint64(d.Low); n > 0 && d.High > d.Low {
		i := uint64(v-min(v, d.Low)) * n / width
		d.Buckets[min(i, n-1)]++
	}
}

// append writes the block, 32 bits a bucket, so that every count fits as it is.
func (d *Distribution) append(dst []byte, kind uint8) []byte {
	if d == nil || len(d.Buckets) == 0 || len(d.Buckets) > MaxBuckets || d.High <= d.Low {
		return dst
	}
	n := len(d.Buckets)
	dst = appendBlock(dst, kind, uint8(distributionHeader/4+n), uint16(n)<<4)
	dst = binary.BigEndian.AppendUint32(dst, d.Low)
	dst = binary.BigEndian.AppendUint32(dst, d.High)
	for _, v := range d.Buckets {
		dst = binary.BigEndian.AppendUint32(dst, v)
	}
	return dst
}

// readDistribution reads buckets of any size from 1 to 32 bits.
func readDistribution(to **Distribution, b []byte, low uint16) bool {
	n, factor := int(low>>4), low&factorMask
	if len(b) < distributionHeader || n == 0 || n > MaxBuckets {
		return false
	}
	d := Distribution{Low: binary.BigEndian.Uint32(b[4:]), High: binary.BigEndian.Uint32(b[8:])}
	b = b[distributionHeader:]
	size := 8 * len(b) / n
	if size < 1 || size > 32 || d.High <= d.Low {
		return false
	}
	d.Buckets = make([]uint32, n)
	for i := range d.Buckets {
		d.Buckets[i] = uint32(min(bits(b, i*size, size)<<factor, 1<<32-1))
	}
	set(to, d)
	return true
}

// bits returns size (1 to 32) bits of b from bit "at" on, most significant first.
func bits(b []byte, at, size int) (v uint64) {
	for i := at / 8; i <= (at+size-1)/8; i++ {
		v = v<<8 | uint64(b[i])
	}
	spare := 7 - (at+size-1)%8
	return v >> spare & (1<<size - 1)
}
