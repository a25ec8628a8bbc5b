package repair

import "encoding/binary"

// Limits of RFC 2198 section 3, and how many blocks are written or read at most: two
// generations and the packet's own are usual.
const (
	MaxOffset = 1<<14 - 1 // timestamp units
	MaxBlock  = 1<<10 - 1 // bytes; the packet's own block has no limit
	MaxBlocks = 8
)

const (
	longHeader  = 4 // F=1, payload type, offset, length
	shortHeader = 1 // F=0, payload type: the packet's own block
)

// Block is one payload of a redundant one.
type Block struct {
	Payload     []byte // a view into what was read
	Offset      uint32 // timestamp units before the packet's timestamp, 0 to MaxOffset
	PayloadType uint8  // 0 to 127
}

// Overhead returns how many bytes n blocks (1 to MaxBlocks) cost beside their payloads.
func Overhead(n int) int { return (n-1)*longHeader + shortHeader }

// AppendRedundant writes the payload of RFC 2198 section 3: blocks oldest first, the last
// one the packet's own with an offset of 0. If they do not fit the limits, it returns dst
// as it was and false.
func AppendRedundant(dst []byte, blocks []Block) ([]byte, bool) {
	if !writable(blocks) {
		return dst, false
	}
	last := len(blocks) - 1
	for _, b := range blocks[:last] {
		word := 1<<31 | uint32(b.PayloadType)<<24 | b.Offset<<10 | uint32(len(b.Payload))
		dst = binary.BigEndian.AppendUint32(dst, word)
	}
	dst = append(dst, blocks[last].PayloadType)
	for _, b := range blocks {
		dst = append(dst, b.Payload...)
	}
	return dst, true
}

func writable(blocks []Block) bool {
	last := len(blocks) - 1
	if last < 0 || last >= MaxBlocks || blocks[last].Offset != 0 {
		return false
	}
	for i, b := range blocks {
		if b.PayloadType > 127 || b.Offset > MaxOffset || i < last && len(b.Payload) > MaxBlock {
			return false
		}
	}
	return true
}

// Redundant is a redundant payload that was found to be whole. The zero value is empty.
type Redundant struct {
	headers []byte
	body    []byte
}

// ReadRedundant checks a payload and returns its blocks; false if it is malformed, or has
// more than MaxBlocks.
func ReadRedundant(payload []byte) (Redundant, bool) {
	at, size := 0, 0
	for n := 1; n <= MaxBlocks && at < len(payload); n++ {
		if payload[at]&0x80 == 0 {
			at += shortHeader
			return Redundant{payload[:at], payload[at:]}, size <= len(payload)-at
		}
		if at+longHeader > len(payload) {
			break
		}
		size += int(binary.BigEndian.Uint32(payload[at:])) & MaxBlock
		at += longHeader
	}
	return Redundant{}, false
}

// Next returns the next block, oldest first; false after the packet's own.
func (r *Redundant) Next() (Block, bool) {
	if len(r.headers) == 0 {
		return Block{}, false
	}
	b := Block{PayloadType: r.headers[0] & 0x7f}
	if len(r.headers) == shortHeader {
		b.Payload, r.headers, r.body = r.body, nil, nil
		return b, true
	}
	word := binary.BigEndian.Uint32(r.headers)
	size := int(word & MaxBlock)
	b.Offset = word >> 10 & MaxOffset
	b.Payload = r.body[:size:size]
	r.headers, r.body = r.headers[longHeader:], r.body[size:]
	return b, true
}
