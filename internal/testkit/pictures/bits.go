package pictures

import "math/bits"

// bitWriter writes a bit string, most significant bit first.
type bitWriter struct {
	b    []byte
	free int // bits of the last byte
}

// put appends the n lowest bits of v.
func (w *bitWriter) put(v uint32, n int) {
	for n--; n >= 0; n-- {
		if w.free == 0 {
			w.b, w.free = append(w.b, 0), 8
		}
		w.free--
		w.b[len(w.b)-1] |= byte(v>>n&1) << w.free
	}
}

// ue appends an unsigned Exp-Golomb number (H.264 section 9.1), below 2^32 - 1.
func (w *bitWriter) ue(v uint32) {
	n := bits.Len32(v + 1)
	w.put(0, n-1)
	w.put(v+1, n)
}

// crop appends how much of a picture of 4:2:0 is cut off at its right and bottom, in pixels,
// as H.264 and H.265 do: by two.
func (w *bitWriter) crop(right, bottom uint32) {
	if right == 0 && bottom == 0 {
		w.put(0, 1)
		return
	}
	w.put(1, 1)
	for _, v := range []uint32{0, right / 2, 0, bottom / 2} {
		w.ue(v)
	}
}

// trailing appends a one, and returns the bytes.
func (w *bitWriter) trailing() []byte {
	w.put(1, 1)
	return w.done()
}

func (w *bitWriter) done() []byte { return w.b }
