package video

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// NAL unit types (H.264 table 7-1, RFC 6184 table 1).
const (
	nalIDR       = 5
	nalSEI       = 6
	nalSPS       = 7
	nalPPS       = 8
	nalDelimiter = 9
	nalSTAPA     = 24
	nalFUA       = 28
)

// splitH264 returns the units of each access unit of a byte stream (H.264 annex B) whose
// access units begin with a delimiter, without those that say nothing to a decoder.
func splitH264(stream []byte) (pictures [][][]byte) {
	for _, unit := range bytes.Split(stream, []byte{0, 0, 1}) {
		unit = bytes.TrimRight(unit, "\x00") // of a longer start code; units end in a one bit
		if len(unit) == 0 {
			continue
		}
		switch unit[0] & 0x1f {
		case nalDelimiter:
			pictures = append(pictures, nil)
		case nalSEI:
		default:
			last := len(pictures) - 1
			pictures[last] = append(pictures[last], unit)
		}
	}
	return pictures
}

// packH264 packs an access unit: parameter sets and the mark's SEI unit together, alone or
// with the slice if that fits; else the slice behind them in parts of equal length.
func packH264(units [][]byte) (f frame) {
	slice := slices.IndexFunc(units, func(u []byte) bool { return u[0]&0x1f <= nalIDR })
	f.key = units[slice][0]&0x1f == nalIDR
	first := append(slices.Clone(units[:slice]), markUnit())
	rest := units[slice:]
	if whole := aggregate(slices.Concat(first, rest)); len(whole) <= MaxPayload {
		f.payloads = [][]byte{whole}
	} else {
		f.payloads = [][]byte{first[0]}
		if len(first) > 1 {
			f.payloads[0] = aggregate(first)
		}
		for _, u := range rest {
			f.payloads = append(f.payloads, fragment(u)...)
		}
	}
	f.offset = bytes.Index(f.payloads[0], markUUID) + len(markUUID)
	f.sum = crc32.Checksum(f.payloads[0][:f.offset], castagnoli)
	f.sum = crc32.Update(f.sum, castagnoli, f.payloads[0][f.offset+markSize:])
	for _, p := range f.payloads[1:] {
		f.sum = crc32.Update(f.sum, castagnoli, p)
	}
	return f
}

// markUnit is an SEI unit with room for a mark.
func markUnit() []byte {
	u := append([]byte{nalSEI, 5, byte(len(markUUID) + markSize)}, markUUID...)
	return append(append(u, bytes.Repeat([]byte{'-'}, markSize)...), 0x80)
}

// aggregate makes a STAP-A (RFC 6184 section 5.7.1).
func aggregate(units [][]byte) []byte {
	b := []byte{nalSTAPA}
	for _, u := range units {
		b[0] = max(b[0]&0x60, u[0]&0x60) | nalSTAPA
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(u))), u...)
	}
	return b
}

// fragment makes FU-As of a unit that is longer than a payload (RFC 6184 section 5.8).
func fragment(unit []byte) (payloads [][]byte) {
	if len(unit) <= MaxPayload {
		return [][]byte{unit}
	}
	header, b, flags := unit[0], unit[1:], byte(0x80)
	for ; len(b) > 0; flags = 0 {
		n := min(len(b), MaxPayload-2)
		if n == len(b) {
			flags = 0x40
		}
		payloads = append(payloads, append([]byte{header&0x60 | nalFUA, flags | header&0x1f}, b[:n]...))
		b = b[n:]
	}
	return payloads
}

// beginsH264 tells whether a payload begins with what packH264 begins a frame with, and
// where its mark is.
func beginsH264(b []byte) (mark int, ok bool) {
	if t := b[0] & 0x1f; t != nalSTAPA && t != nalSEI {
		return 0, false
	}
	at := bytes.Index(b, markUUID)
	return at + len(markUUID), at >= 0 && len(b) >= at+len(markUUID)+markSize
}
