package video

import (
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
)

// Mark is what a frame says of itself. It is text of markSize bytes, so that it needs no
// escaping, and stands where decoders pass over it: in VP8 behind the last partition, whose
// decoder reads only as far as it must (RFC 6386 section 9.5), in H.264 in an SEI unit of
// unregistered user data (H.264 section D.1.7) before the slice.
type Mark struct {
	Sender  uint32
	Number  uint32 // of the frame, from 0, without gaps
	At      int64  // when it was handed out, nanoseconds of the sender's clock
	Sum     uint32 // CRC-32C of its payloads, without descriptors of VP8 and the mark itself
	Packets uint16
	Key     bool
}

const (
	markMagic = "cfvm"
	markBytes = 4 + 4 + 8 + 4 + 2 + 1
	markSize  = len(markMagic) + 2*markBytes
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	// markUUID names the SEI message.
	markUUID = []byte{0x5c, 0x1f, 0x8e, 0x3a, 0xd4, 0x77, 0x4b, 0x92, 0xa6, 0x0d, 0x39, 0xe1, 0x7b, 0xc8, 0x52, 0xf6}
)

// put writes the mark over the first markSize bytes of b.
func (m *Mark) put(b []byte) {
	var raw [markBytes]byte
	binary.BigEndian.PutUint32(raw[0:], m.Sender)
	binary.BigEndian.PutUint32(raw[4:], m.Number)
	binary.BigEndian.PutUint64(raw[8:], uint64(m.At))
	binary.BigEndian.PutUint32(raw[16:], m.Sum)
	binary.BigEndian.PutUint16(raw[20:], m.Packets)
	if m.Key {
		raw[22] = 1
	}
	copy(b, markMagic)
	hex.Encode(b[len(markMagic):], raw[:])
}

// readMark reads the mark that b begins with.
func readMark(b []byte) (m Mark, ok bool) {
	var raw [markBytes]byte
	if len(b) < markSize || string(b[:len(markMagic)]) != markMagic {
		return m, false
	}
	if _, err := hex.Decode(raw[:], b[len(markMagic):markSize]); err != nil {
		return m, false
	}
	return Mark{
		Sender: binary.BigEndian.Uint32(raw[0:]), Number: binary.BigEndian.Uint32(raw[4:]), At: int64(binary.BigEndian.Uint64(raw[8:])),
		Sum: binary.BigEndian.Uint32(raw[16:]), Packets: binary.BigEndian.Uint16(raw[20:]), Key: raw[22] == 1,
	}, true
}
