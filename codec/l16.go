package codec

import (
	"encoding/binary"
	"slices"

	"github.com/confd/confd/media"
)

func l16Rate(rate int) bool {
	return rate == 8000 || rate == 16000 || rate == 44100 || rate == 48000
}

// l16Samples is 0 if the payload is not a whole number of samples of all channels.
func l16Samples(payload []byte, channels int) int {
	if channels < 1 || len(payload)%(2*channels) != 0 {
		return 0
	}
	return len(payload) / (2 * channels)
}

// l16At returns the big-endian sample that p starts with (RFC 3551 section 4.5.11).
func l16At(p []byte) int32 { return int32(int16(binary.BigEndian.Uint16(p))) }

// l16Pair returns the mean of two channels.
func l16Pair(p []byte) int32 { return (l16At(p) + l16At(p[2:])) >> 1 }

func square(v int32) uint64 { return uint64(v * v) }

// l16Level is the level of the payload, of the channels' mean if there are two. As
// everywhere here, eight bytes are read at once while there are as many.
func l16Level(p []byte, channels int) media.Level {
	n := l16Samples(p, channels)
	var sum uint64
	if channels == 2 {
		for ; len(p) >= 4; p = p[4:] {
			sum += square(l16Pair(p))
		}
		return levelOfSum(sum, n)
	}
	for ; len(p) >= 8; p = p[8:] {
		v := binary.BigEndian.Uint64(p)
		sum += square(int32(int16(v>>48))) + square(int32(int16(v>>32))) + square(int32(int16(v>>16))) + square(int32(int16(v)))
	}
	for ; len(p) >= 2; p = p[2:] {
		sum += square(l16At(p))
	}
	return levelOfSum(sum, n)
}

type l16Encoder struct {
	format  media.Format
	samples int
}

func (e *l16Encoder) Encode(dst []byte, pcm []int16) ([]byte, error) {
	if len(pcm) != e.samples {
		return dst, errPCM(e.format, len(pcm), e.samples)
	}
	dst, out := extend(dst, 2*e.format.Channels*len(pcm))
	if e.format.Channels == 2 {
		l16WriteStereo(out, pcm)
	} else {
		l16Write(out, pcm)
	}
	return dst, nil
}

func l16Write(out []byte, pcm []int16) {
	for ; len(pcm) >= 4 && len(out) >= 8; out, pcm = out[8:], pcm[4:] {
		binary.BigEndian.PutUint64(out, uint64(uint16(pcm[0]))<<48|uint64(uint16(pcm[1]))<<32|
			uint64(uint16(pcm[2]))<<16|uint64(uint16(pcm[3])))
	}
	for i, s := range pcm {
		binary.BigEndian.PutUint16(out[2*i:], uint16(s))
	}
}

// l16WriteStereo writes each sample to both channels.
func l16WriteStereo(out []byte, pcm []int16) {
	for ; len(pcm) >= 2 && len(out) >= 8; out, pcm = out[8:], pcm[2:] {
		binary.BigEndian.PutUint64(out, uint64(uint16(pcm[0]))*0x10001<<32|uint64(uint16(pcm[1]))*0x10001)
	}
	for i, s := range pcm {
		binary.BigEndian.PutUint32(out[4*i:], uint32(uint16(s))*0x10001)
	}
}

// CopyFrom has nothing to copy: L16 has no memory.
func (e *l16Encoder) CopyFrom(src Encoder) error {
	if s, ok := src.(*l16Encoder); !ok || s.format != e.format {
		return errCopy(src, e)
	}
	return nil
}

func (e *l16Encoder) Reset() error { return nil }

func (e *l16Encoder) String() string { return e.format.String() }

type l16Decoder struct{ channels int }

func (d *l16Decoder) samples(payload []byte) int { return l16Samples(payload, d.channels) }

func (d *l16Decoder) decode(pcm []int16, payload []byte) {
	if d.channels == 2 {
		l16ReadStereo(pcm, payload)
	} else {
		l16Read(pcm, payload)
	}
}

func l16Read(pcm []int16, p []byte) {
	for ; len(p) >= 8 && len(pcm) >= 4; pcm, p = pcm[4:], p[8:] {
		v := binary.BigEndian.Uint64(p)
		pcm[0], pcm[1], pcm[2], pcm[3] = int16(v>>48), int16(v>>32), int16(v>>16), int16(v)
	}
	for i := range pcm {
		pcm[i] = int16(l16At(p[2*i:]))
	}
}

func l16ReadStereo(pcm []int16, p []byte) {
	for i := range pcm {
		pcm[i] = int16(l16Pair(p))
		p = p[4:]
	}
}

func (d *l16Decoder) reset() {}

// extend appends n bytes of any content to dst and also returns them alone.
func extend(dst []byte, n int) (whole, added []byte) {
	at := len(dst)
	dst = slices.Grow(dst, n)[:at+n]
	return dst, dst[at:]
}
