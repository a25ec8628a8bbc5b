package codec

import (
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
func l16At(p []byte) int32 { return int32(int16(uint16(p[0])<<8 | uint16(p[1]))) }

// l16Level is the level of the payload, of the channels' mean if there are two.
func l16Level(p []byte, channels int) media.Level {
	n := l16Samples(p, channels)
	var sum uint64
	if channels == 2 {
		for ; len(p) >= 4; p = p[4:] {
			v := (l16At(p) + l16At(p[2:])) >> 1
			sum += uint64(v * v)
		}
		return levelOfSum(sum, n)
	}
	for ; len(p) >= 4; p = p[4:] {
		v, w := l16At(p), l16At(p[2:])
		sum += uint64(v*v) + uint64(w*w)
	}
	for ; len(p) >= 2; p = p[2:] {
		v := l16At(p)
		sum += uint64(v * v)
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
		for i, s := range pcm {
			o := out[4*i : 4*i+4]
			o[0], o[1] = byte(uint16(s)>>8), byte(s)
			o[2], o[3] = o[0], o[1]
		}
		return dst, nil
	}
	for i, s := range pcm {
		o := out[2*i : 2*i+2]
		o[0], o[1] = byte(uint16(s)>>8), byte(s)
	}
	return dst, nil
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
	pcm = pcm[:l16Samples(payload, d.channels)]
	if d.channels == 2 {
		for i := range pcm {
			p := payload[4*i : 4*i+4]
			pcm[i] = int16((l16At(p) + l16At(p[2:])) >> 1)
		}
		return
	}
	for i := range pcm {
		pcm[i] = int16(l16At(payload[2*i : 2*i+2]))
	}
}

func (d *l16Decoder) reset() {}

// extend appends n bytes of any content to dst and also returns them alone.
func extend(dst []byte, n int) (whole, added []byte) {
	at := len(dst)
	dst = slices.Grow(dst, n)[:at+n]
	return dst, dst[at:]
}
