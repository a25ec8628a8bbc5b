package recording

import (
	"encoding/binary"

	"github.com/confd/confd/forwarder/ingress"
	"github.com/confd/confd/media"
)

const (
	headerSize = 32 // of an IVF file
	itemSize   = 12 // before each of its pictures: length and time
)

var fourCC = map[media.VideoCodec]string{media.VP8: "VP80", media.VP9: "VP90", media.AV1: "AV01"}

// container tells whether the file is IVF.
func (r *Recorder) container() bool { return fourCC[r.codec] != "" }

// header begins an IVF file. How many pictures there are, which players pass over, is not
// known yet.
func (r *Recorder) header(dst []byte, f *ingress.Frame) []byte {
	le := binary.LittleEndian
	dst = le.AppendUint16(le.AppendUint16(append(dst, "DKIF"...), 0), headerSize)
	dst = le.AppendUint16(append(dst, fourCC[r.codec]...), f.Width)
	dst = le.AppendUint32(le.AppendUint16(dst, f.Height), media.VideoRate)
	return append(le.AppendUint32(dst, 1), make([]byte, 8)...)
}

// superframe ends a VP9 picture of several layers with an index of their frames (VP9 bitstream
// specification, annex B), without which decoders take it for one frame.
func superframe(dst []byte, layers []int) []byte {
	if len(layers) < 2 || len(layers) > 8 {
		return dst
	}
	const widest = 3 // sizes of four bytes
	marker := byte(0xc0 | widest<<3 | len(layers) - 1)
	end := len(dst)
	dst = append(dst, marker)
	for i, at := range layers {
		next := end
		if i+1 < len(layers) {
			next = layers[i+1]
		}
		dst = binary.LittleEndian.AppendUint32(dst, uint32(next-at))
	}
	return append(dst, marker)
}
