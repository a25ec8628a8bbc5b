package codec

import (
	"github.com/confd/confd/media"
)

// G.711 is done by tables: 256 entries to decode, one per 14-bit sample to encode (the
// precision that the recommendation starts from; 16 KB stay in the first-level cache).
var (
	mulawDecode = table256(expandMulaw)
	alawDecode  = table256(expandAlaw)
	mulawEncode = compressTable(&mulawDecode)
	alawEncode  = compressTable(&alawDecode)
	mulawSquare = squares(&mulawDecode)
	alawSquare  = squares(&alawDecode)
)

type g711Table [1 << 14]byte

// expandMulaw is the inverse of the µ-law of ITU-T G.711, at 16 bits.
func expandMulaw(code byte) int16 {
	code = ^code
	t := (int(code&15)<<3 + 0x84) << (code >> 4 & 7)
	if code&0x80 != 0 {
		return int16(0x84 - t)
	}
	return int16(t - 0x84)
}

// expandAlaw is the inverse of the A-law of ITU-T G.711, at 16 bits.
func expandAlaw(code byte) int16 {
	code ^= 0x55
	t := int(code&15)<<4 + 8
	if segment := code >> 4 & 7; segment > 0 {
		t = (t + 0x100) << (segment - 1)
	}
	if code&0x80 != 0 {
		return int16(t)
	}
	return int16(-t)
}

func table256(expand func(byte) int16) (t [256]int16) {
	for i := range t {
		t[i] = expand(byte(i))
	}
	return t
}

// compressTable finds for every 14-bit sample the code whose sound is nearest. Of the two
// zeros of µ-law it takes the positive one.
func compressTable(decode *[256]int16) (t g711Table) {
	var order [256]byte // codes by rising value
	for i := range order {
		j := i
		for ; j > 0 && decode[order[j-1]] > decode[i]; j-- {
			order[j] = order[j-1]
		}
		order[j] = byte(i)
	}
	at := 0
	for v := -1 << 13; v < 1<<13; v++ {
		// The middle of the four 16-bit samples that share the entry, doubled.
		middle := 8*v + 3
		for at < 255 && 2*int(decode[order[at+1]])-middle <= middle-2*int(decode[order[at]]) {
			at++
		}
		t[uint16(v)&(1<<14-1)] = order[at]
	}
	return t
}

func squares(decode *[256]int16) (t [256]uint32) {
	for i, v := range decode {
		t[i] = uint32(int32(v) * int32(v))
	}
	return t
}

// g711Level returns the level of the sound that the payload decodes to.
func g711Level(square *[256]uint32, payload []byte) media.Level {
	var a, b, c, d uint64
	p := payload
	for ; len(p) >= 4; p = p[4:] {
		a += uint64(square[p[0]])
		b += uint64(square[p[1]])
		c += uint64(square[p[2]])
		d += uint64(square[p[3]])
	}
	for _, x := range p {
		a += uint64(square[x])
	}
	return levelOfSum(a+b+c+d, len(payload))
}

// levelOfSum is the level of n samples whose squares add up to sum.
func levelOfSum(sum uint64, n int) media.Level {
	return media.LevelOf(float64(sum) / (float64(n) * (1 << 30)))
}

type g711Encoder struct {
	format  media.Format
	samples int
	table   *g711Table
}

func (e *g711Encoder) Encode(dst []byte, pcm []int16) ([]byte, error) {
	if len(pcm) != e.samples {
		return dst, errPCM(e.format, len(pcm), e.samples)
	}
	dst, out := extend(dst, len(pcm))
	table := e.table
	for i, s := range pcm {
		out[i] = table[uint16(s)>>2]
	}
	return dst, nil
}

// CopyFrom has nothing to copy: G.711 has no memory.
func (e *g711Encoder) CopyFrom(src Encoder) error {
	if s, ok := src.(*g711Encoder); !ok || s.format != e.format {
		return errCopy(src, e)
	}
	return nil
}

func (e *g711Encoder) Reset() error { return nil }

func (e *g711Encoder) String() string { return e.format.String() }

type g711Decoder struct{ table *[256]int16 }

func (d *g711Decoder) samples(payload []byte) int { return len(payload) }

func (d *g711Decoder) decode(pcm []int16, payload []byte) {
	table := d.table
	pcm = pcm[:len(payload)]
	for i, c := range payload {
		pcm[i] = table[c]
	}
}

func (d *g711Decoder) reset() {}
