package video

import "hash/crc32"

// vp8Head is the length of the descriptors that are written: with a picture id of 15 bits
// (RFC 7741 section 4.2), as most senders of one layer do.
const (
	vp8Head      = 4
	vp8PictureAt = 2
)

// packVP8 cuts a frame into payloads; the last ends in its mark, whole.
func packVP8(b []byte) frame {
	f := frame{key: b[0]&1 == 0, sum: crc32.Checksum(b, castagnoli)}
	for start := byte(0x10); ; start = 0 {
		head := []byte{0x80 | start, 0x80, 0x80, 0}
		if vp8Head+len(b)+markSize <= MaxPayload {
			f.packet, f.offset = len(f.payloads), vp8Head+len(b)
			f.payloads = append(f.payloads, append(append(head, b...), make([]byte, markSize)...))
			return f
		}
		n := min(len(b), MaxPayload-vp8Head)
		f.payloads = append(f.payloads, append(head, b[:n]...))
		b = b[n:]
	}
}

// readVP8Head reads a descriptor as servers may have written it: its length, whether a frame
// begins, and its picture id, -1 without.
func readVP8Head(b []byte) (size int, begins bool, picture int, ok bool) {
	if len(b) < 2 {
		return 0, false, 0, false
	}
	begins, size, picture = b[0]&0x17 == 0x10, 1, -1
	if b[0]&0x80 != 0 {
		x := b[1]
		size++
		if x&0x80 != 0 {
			if len(b) < 4 {
				return 0, false, 0, false
			}
			picture = int(b[2])
			size++
			if picture&0x80 != 0 {
				picture = picture&0x7f<<8 | int(b[3])
				size++
			}
		}
		if x&0x40 != 0 {
			size++
		}
		if x&0x30 != 0 {
			size++
		}
	}
	return size, begins, picture, size < len(b)
}
