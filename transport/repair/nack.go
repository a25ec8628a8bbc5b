package repair

import (
	"encoding/binary"
	"math/bits"
)

// MaxPairs is how many entries of a NACK are written or read: 544 packets at most. What a
// message has beyond them is passed over.
const MaxPairs = 32

const (
	pairSize = 4  // packet id, bit mask of the following lost packets
	reach    = 16 // packets behind the first that one entry can name
)

// AppendNACK writes the feedback control information of a generic NACK (RFC 4585 section
// 6.2.1) for lost packets given in order, oldest first; sequence numbers may wrap. Repeated
// ones are named once. It returns how many of them found room in MaxPairs entries.
func AppendNACK(dst []byte, lost []uint16) ([]byte, int) {
	done := 0
	for range MaxPairs {
		if done == len(lost) {
			break
		}
		first, mask := lost[done], uint16(0)
		for done++; done < len(lost); done++ {
			behind := lost[done] - first
			if behind > reach {
				break
			}
			if behind > 0 {
				mask |= 1 << (behind - 1)
			}
		}
		dst = binary.BigEndian.AppendUint16(dst, first)
		dst = binary.BigEndian.AppendUint16(dst, mask)
	}
	return dst, done
}

// Lost are the sequence numbers that a NACK names. The zero value is empty.
type Lost struct {
	pairs []byte
	first uint16
	mask  uint16
}

// ReadNACK takes the feedback control information of a generic NACK; false if it is empty
// or not made of whole entries. It reads MaxPairs of them.
func ReadNACK(fci []byte) (Lost, bool) {
	if len(fci) == 0 || len(fci)%pairSize != 0 {
		return Lost{}, false
	}
	return Lost{pairs: fci[:min(len(fci), MaxPairs*pairSize)]}, true
}

// Next returns the next sequence number, in the order of the message.
func (l *Lost) Next() (uint16, bool) {
	if l.mask != 0 {
		n := bits.TrailingZeros16(l.mask)
		l.mask &= l.mask - 1
		return l.first + uint16(n) + 1, true
	}
	if len(l.pairs) == 0 {
		return 0, false
	}
	l.first, l.mask = binary.BigEndian.Uint16(l.pairs), binary.BigEndian.Uint16(l.pairs[2:])
	l.pairs = l.pairs[pairSize:]
	return l.first, true
}
