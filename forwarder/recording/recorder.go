// Package recording makes a file of what a stream of video showed, as players and editors take
// it: VP8, VP9 and AV1 as IVF, H.264 and H.265 as a byte stream (annex B), which knows no times.
// Nothing is decoded. It is pure: files are the caller's.
package recording

import (
	"encoding/binary"

	"github.com/confd/confd/forwarder/ingress"
	"github.com/confd/confd/forwarder/payload"
	"github.com/confd/confd/media"
)

// Stats count what became of pictures.
type Stats struct {
	Pictures  uint64 // in the file
	KeyFrames uint64 // of them
	Early     uint64 // not in it: before the first key frame
	Broken    uint64 // not in it: something that they need was lost, or is not in it
	Unread    uint64 // not in it: their packets are none of the codec's
	Missed    uint64 // not in it: Miss was called
	Bytes     uint64 // of the file
	Ticks     uint64 // from the first to the last in the file, of 90,000 a second
	// Width and Height are those of the latest key frame, 0 if it does not tell.
	Width, Height uint16
}

// Recorder makes one file. It is for one goroutine at a time.
type Recorder struct {
	codec    media.VideoCodec
	unpacker payload.Unpacker
	begun    bool // the file has
	broken   bool // a picture that others need is not in the file
	spliced  bool // the next picture's timestamp has another origin
	stamp    uint32
	done     int64 // arrival of the last picture
	at       int64 // its time in the file, in ticks
	stats    Stats
}

// New makes a Recorder for pictures of a codec.
func New(c media.VideoCodec) *Recorder {
	return &Recorder{codec: c, unpacker: payload.NewUnpacker(c)}
}

// Splice tells that the next picture is another source's: its timestamps say nothing of how long
// after the last one it comes, so that its arrival does.
func (r *Recorder) Splice() { r.spliced = r.begun }

// Miss tells that a picture is left out, for which there is no room.
func (r *Recorder) Miss(f *ingress.Frame) {
	r.stats.Missed++
	r.broken = r.broken || !f.Discardable
}

// NeedsKey tells whether nothing goes into the file until a key frame comes.
func (r *Recorder) NeedsKey() bool { return !r.begun || r.broken }

// Stats returns the counters.
func (r *Recorder) Stats() Stats { return r.stats }

// Append appends to dst what the file goes on with: for a picture of the stream's, nothing if it
// cannot be decoded.
func (r *Recorder) Append(dst []byte, f *ingress.Frame) []byte {
	if !r.wanted(f) {
		return dst
	}
	out := dst
	if !r.begun && r.container() {
		out = r.header(out, f)
	}
	begin := len(out)
	if r.container() {
		out = append(out, make([]byte, itemSize)...)
	}
	out, ok := r.content(out, f)
	if !ok {
		r.stats.Unread++
		r.broken = r.broken || !f.Discardable
		return dst
	}
	r.count(f)
	if r.container() {
		item := out[begin:]
		binary.LittleEndian.PutUint32(item, uint32(len(item)-itemSize))
		binary.LittleEndian.PutUint64(item[4:], uint64(r.at))
	}
	r.stats.Bytes += uint64(len(out) - len(dst))
	return out
}

// wanted tells whether a decoder that has what is in the file can decode a picture.
func (r *Recorder) wanted(f *ingress.Frame) bool {
	switch {
	case f.Key:
		r.broken = false
		return true
	case !r.begun:
		r.stats.Early++
		return false
	case f.After || r.broken:
		r.stats.Broken++
		return false
	}
	return true
}

// content appends a picture, and in H.264 and H.265 before a key frame the parameter sets if it
// comes without. It returns false if its packets cannot be read.
func (r *Recorder) content(dst []byte, f *ingress.Frame) (_ []byte, ok bool) {
	dst = r.unpacker.Begin(dst)
	if f.Key && !f.Parameters {
		for _, p := range f.Stream.Parameters() {
			if dst, ok = r.packet(dst, p); !ok {
				return dst, false
			}
		}
	}
	var layers []int // VP9: where each layer's frame begins
	for ext := f.First; ext < f.First+uint64(f.Count); ext++ {
		p, there := f.Stream.Packet(ext)
		if !there {
			return dst, false
		}
		if r.codec == media.VP9 && p.Info.Begin {
			layers = append(layers, len(dst))
		}
		if dst, ok = r.packet(dst, p); !ok {
			return dst, false
		}
	}
	return superframe(dst, layers), true
}

func (r *Recorder) packet(dst []byte, p *ingress.Packet) ([]byte, bool) {
	if len(p.Payload) == 0 { // padding
		return dst, true
	}
	dst, err := r.unpacker.Append(dst, p.Payload)
	return dst, err == nil
}

// count places a picture that is in the file on its timeline.
func (r *Recorder) count(f *ingress.Frame) {
	if r.begun {
		r.at += r.step(f)
		r.stats.Ticks = max(r.stats.Ticks, uint64(max(r.at, 0)))
	}
	r.begun, r.spliced, r.stamp, r.done = true, false, f.Timestamp, f.Done
	r.stats.Pictures++
	if f.Key {
		r.stats.KeyFrames++
		r.stats.Width, r.stats.Height = f.Width, f.Height
	}
}

// mostReordered is how far back timestamps go within a stream, where pictures are not shown in the
// order in which they are sent (H.264, H.265).
const mostReordered = media.VideoRate

// step returns how long after the picture before it a picture is shown, in ticks.
func (r *Recorder) step(f *ingress.Frame) int64 {
	step := int64(int32(f.Timestamp - r.stamp))
	if r.spliced || step < -mostReordered || step <= 0 && r.container() {
		return max((f.Done-r.done)/1e5*9, 1)
	}
	return step
}
