package feedback

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Limit is an entry of TMMBR or TMMBN (RFC 5104 section 4.2): what a media sender may send at
// most.
type Limit struct {
	SSRC     uint32 // TMMBR: who is asked; TMMBN: who asked
	Bitrate  uint64 // bits per second, headers of lower layers included
	Overhead uint16 // bytes per packet that are counted beside RTP's, 0 to 511
}

const (
	limitSize    = 8
	mantissaBits = 17 // of a Limit
	overheadBits = 9
	estimateBits = 18 // of an Estimate
)

// AppendTMMBR writes a request that one source send no more than l says. A bit rate that
// cannot be written is rounded down.
func AppendTMMBR(dst []byte, sender uint32, l Limit) []byte {
	return appendLimit(Append(dst, TypeTransport, FormatTMMBR, sender, 0, limitSize/4), l)
}

// AppendTMMBN writes a notification of the limits that sender keeps to; none at all is one,
// too.
func AppendTMMBN(dst []byte, sender uint32, limits ...Limit) []byte {
	dst = Append(dst, TypeTransport, FormatTMMBN, sender, 0, len(limits)*limitSize/4)
	for _, l := range limits {
		dst = appendLimit(dst, l)
	}
	return dst
}

func appendLimit(dst []byte, l Limit) []byte {
	exponent, mantissa := split(l.Bitrate, mantissaBits)
	dst = binary.BigEndian.AppendUint32(dst, l.SSRC)
	return binary.BigEndian.AppendUint32(dst, exponent<<26|mantissa<<overheadBits|uint32(min(l.Overhead, 1<<overheadBits-1)))
}

// split writes a number as a mantissa of so many bits and an exponent of two, rounded down.
func split(n uint64, width int) (exponent, mantissa uint32) {
	exponent = uint32(max(bits.Len64(n)-width, 0))
	return exponent, uint32(n >> exponent)
}

// join is the inverse of split; what is larger than any number becomes the largest.
func join(exponent, mantissa uint32) uint64 {
	if n := uint64(mantissa); bits.Len64(n)+int(exponent) <= 64 {
		return n << exponent
	}
	return math.MaxUint64
}

// Limits are the entries of TMMBR or TMMBN. The zero value is empty.
type Limits struct{ fci []byte }

// ReadLimits takes the control information of TMMBR or TMMBN; false if it is not made of
// whole entries.
func ReadLimits(fci []byte) (Limits, bool) {
	return Limits{fci}, len(fci)%limitSize == 0
}

// Next returns the next entry.
func (l *Limits) Next() (Limit, bool) {
	if len(l.fci) < limitSize {
		return Limit{}, false
	}
	word := binary.BigEndian.Uint32(l.fci[4:])
	e := Limit{
		SSRC:     binary.BigEndian.Uint32(l.fci),
		Bitrate:  join(word>>26, word>>overheadBits&(1<<mantissaBits-1)),
		Overhead: uint16(word & (1<<overheadBits - 1)),
	}
	l.fci = l.fci[limitSize:]
	return e, true
}

// Estimate is what a receiver takes the path to itself to bear
// (draft-alvestrand-rmcat-remb-03).
type Estimate struct {
	Bitrate uint64 // bits per second, over all sources that it is about
	ssrcs   []byte
}

const (
	rembName     = "REMB"
	estimateHead = 8
	maxEstimated = 255 // sources that one message can name
)

// AppendREMB writes an estimate about up to 255 sources. A bit rate that cannot be written
// is rounded down.
func AppendREMB(dst []byte, sender uint32, bitrate uint64, ssrcs ...uint32) []byte {
	ssrcs = ssrcs[:min(len(ssrcs), maxEstimated)]
	exponent, mantissa := split(bitrate, estimateBits)
	dst = Append(dst, TypePayload, FormatApplication, sender, 0, estimateHead/4+len(ssrcs))
	dst = append(dst, rembName...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(ssrcs))<<24|exponent<<estimateBits|mantissa)
	for _, s := range ssrcs {
		dst = binary.BigEndian.AppendUint32(dst, s)
	}
	return dst
}

// ReadREMB takes the control information of an application layer message; false if it is
// another application's, or has not all sources that it announces.
func ReadREMB(fci []byte) (Estimate, bool) {
	if len(fci) < estimateHead || string(fci[:4]) != rembName {
		return Estimate{}, false
	}
	word := binary.BigEndian.Uint32(fci[4:])
	end := estimateHead + 4*int(word>>24)
	if end > len(fci) {
		return Estimate{}, false
	}
	return Estimate{join(word>>estimateBits&0x3f, word&(1<<estimateBits-1)), fci[estimateHead:end]}, true
}

// Next returns the next source that the estimate is about.
func (e *Estimate) Next() (ssrc uint32, ok bool) {
	if len(e.ssrcs) < 4 {
		return 0, false
	}
	ssrc = binary.BigEndian.Uint32(e.ssrcs)
	e.ssrcs = e.ssrcs[4:]
	return ssrc, true
}
