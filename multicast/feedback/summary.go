package feedback

import (
	"encoding/binary"
	"net/netip"
)

// Types of sub-report block (RFC 5760 section 7.1.2).
const (
	blockTarget4    = 0
	blockTarget6    = 1
	blockLoss       = 4
	blockJitter     = 5
	blockCumulative = 7
	blockStatistics = 10
	blockBandwidth  = 11
	blockGroup      = 12
)

const summaryHeader = 16 // two SSRCs and a time

// Summary is an RSI packet (RFC 5760 section 7.1.1). A part that is nil or invalid is not
// there. Reading passes over other types of block, such as a target by DNS name, which
// would have to be resolved.
type Summary struct {
	SSRC       uint32 // of who wrote it
	Summarised uint32 // whose stream it is about
	NTP        uint64 // when

	Target     netip.AddrPort // where receivers report to (section 7.1.3)
	Loss       *Distribution  // of the fraction lost, 1/256: 0 to 255 (section 7.1.4)
	Jitter     *Distribution  // in timestamp units (section 7.1.5)
	Cumulative *Distribution  // of packets lost in all (section 7.1.7)
	Statistics *Statistics    // section 7.1.9
	Bandwidth  *Indication    // section 7.1.10
	Group      *GroupSize     // section 7.1.11
}

// Statistics are the essence of the receivers' reports.
type Statistics struct {
	MedianLoss   uint8  // fraction, 1/256
	MostLost     uint32 // highest number of packets lost, 24 bits
	MedianJitter uint32 // timestamp units
}

// Indication is the RTCP bandwidth that each has.
type Indication struct {
	Senders, Receivers bool    // for whom it holds
	Each               float64 // bits per second and sender or receiver, below 65,536,000
}

// GroupSize is what receivers compute their intervals from.
type GroupSize struct {
	Receivers   uint32
	AverageSize uint16 // of their compound packets in bytes, with UDP and IP headers
}

// AppendSummary writes s.
func AppendSummary(dst []byte, s *Summary) []byte {
	start := len(dst)
	dst = appendHeader(dst, 0, TypeSummary, 0)
	dst = binary.BigEndian.AppendUint32(dst, s.SSRC)
	dst = binary.BigEndian.AppendUint32(dst, s.Summarised)
	dst = binary.BigEndian.AppendUint64(dst, s.NTP)
	dst = appendTarget(dst, s.Target)
	dst = s.Loss.append(dst, blockLoss)
	dst = s.Jitter.append(dst, blockJitter)
	dst = s.Cumulative.append(dst, blockCumulative)
	dst = s.Statistics.append(dst)
	dst = s.Bandwidth.append(dst)
	dst = s.Group.append(dst)
	binary.BigEndian.PutUint16(dst[start+2:], uint16((len(dst)-start)/4-1))
	return dst
}

// appendBlock writes a block's header; low are the two bytes behind type and length.
func appendBlock(dst []byte, kind, words uint8, low uint16) []byte {
	return binary.BigEndian.AppendUint16(append(dst, kind, words), low)
}

func appendTarget(dst []byte, target netip.AddrPort) []byte {
	switch a := target.Addr().Unmap(); {
	case !a.IsValid() || target.Port() == 0:
		return dst
	case a.Is4():
		return append(appendBlock(dst, blockTarget4, 2, target.Port()), a.AsSlice()...)
	default:
		return append(appendBlock(dst, blockTarget6, 5, target.Port()), a.AsSlice()...)
	}
}

func (v *Statistics) append(dst []byte) []byte {
	if v == nil {
		return dst
	}
	dst = appendBlock(dst, blockStatistics, 3, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(v.MedianLoss)<<24|min(v.MostLost, 1<<24-1))
	return binary.BigEndian.AppendUint32(dst, v.MedianJitter)
}

// perUnit leads from bits per second to the 16.16 fixed-point kbit/s of section 7.1.10.
const perUnit = 65536.0 / 1000

func (v *Indication) append(dst []byte) []byte {
	if v == nil {
		return dst
	}
	var flags uint16
	if v.Senders {
		flags |= 1 << 15
	}
	if v.Receivers {
		flags |= 1 << 14
	}
	value := max(0, min(v.Each*perUnit+0.5, 1<<32-1))
	return binary.BigEndian.AppendUint32(appendBlock(dst, blockBandwidth, 2, flags), uint32(value))
}

func (v *GroupSize) append(dst []byte) []byte {
	if v == nil {
		return dst
	}
	return binary.BigEndian.AppendUint32(appendBlock(dst, blockGroup, 2, v.AverageSize), v.Receivers)
}

// ReadSummary reads an RSI packet; false if it is none, or malformed. Of blocks of one
// type the first counts.
func ReadSummary(p *Packet) (s Summary, ok bool) {
	b := p.Body
	if p.Type != TypeSummary || len(b) < summaryHeader {
		return s, false
	}
	s.SSRC, s.Summarised = binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	s.NTP = binary.BigEndian.Uint64(b[8:])
	for b = b[summaryHeader:]; len(b) > 0; {
		size := 0
		if len(b) >= 4 {
			size = 4 * int(b[1])
		}
		if size == 0 || size > len(b) || !s.read(b[:size]) {
			return Summary{}, false
		}
		b = b[size:]
	}
	return s, true
}

// read takes one block, at least its first word.
func (s *Summary) read(b []byte) bool {
	low := binary.BigEndian.Uint16(b[2:])
	switch kind := b[0]; kind {
	case blockTarget4, blockTarget6:
		return s.readTarget(b, low)
	case blockLoss:
		return readDistribution(&s.Loss, b, low)
	case blockJitter:
		return readDistribution(&s.Jitter, b, low)
	case blockCumulative:
		return readDistribution(&s.Cumulative, b, low)
	case blockStatistics:
		if len(b) != 12 {
			return false
		}
		word := binary.BigEndian.Uint32(b[4:])
		set(&s.Statistics, Statistics{uint8(word >> 24), word & (1<<24 - 1), binary.BigEndian.Uint32(b[8:])})
	case blockBandwidth, blockGroup:
		if len(b) != 8 {
			return false
		}
		s.readWord(kind, low, binary.BigEndian.Uint32(b[4:]))
	}
	return true
}

func (s *Summary) readWord(kind uint8, low uint16, value uint32) {
	if kind == blockGroup {
		set(&s.Group, GroupSize{value, low})
		return
	}
	set(&s.Bandwidth, Indication{low&(1<<15) != 0, low&(1<<14) != 0, float64(value) / perUnit})
}

func (s *Summary) readTarget(b []byte, port uint16) bool {
	a, ok := netip.AddrFromSlice(b[4:])
	if !ok || a.Is6() != (b[0] == blockTarget6) || port == 0 {
		return false
	}
	if !s.Target.IsValid() {
		s.Target = netip.AddrPortFrom(a, port)
	}
	return true
}

func set[T any](p **T, v T) {
	if *p == nil {
		*p = &v
	}
}
