package decode

import (
	"encoding/binary"
	"math"

	"github.com/confd/confd/codec"
	"github.com/confd/confd/media"
)

// waveCodings are the ways in which a WAV codes a sample. value returns the one that b
// begins with, as if it had 32 bits.
var waveCodings = []struct {
	tag, bits int
	name      string
	value     func(b []byte) int64
}{
	{tagPCM, 8, "pcm", func(b []byte) int64 { return (int64(b[0]) - 128) << 24 }},
	{tagPCM, 16, "pcm", func(b []byte) int64 { return int64(int16(binary.LittleEndian.Uint16(b))) << 16 }},
	{tagPCM, 24, "pcm", func(b []byte) int64 { return int64(int32(uint32(b[0])<<8 | uint32(b[1])<<16 | uint32(b[2])<<24)) }},
	{tagPCM, 32, "pcm", func(b []byte) int64 { return int64(int32(binary.LittleEndian.Uint32(b))) }},
	{tagFloat, 32, "float", float},
	{tagALaw, 8, "pcma", g711(media.PCMA)},
	{tagMuLaw, 8, "pcmu", g711(media.PCMU)},
}

// float saturates beyond full scale; what is no number is silence.
func float(b []byte) int64 {
	v := float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	switch {
	case v >= 1:
		return math.MaxInt32
	case v <= -1:
		return math.MinInt32
	case v != v:
		return 0
	}
	return int64(v * (1 << 31))
}

// g711 expands by the table of all codes, which the codec is asked for once.
func g711(c media.Codec) func([]byte) int64 {
	var codes [256]byte
	for i := range codes {
		codes[i] = byte(i)
	}
	table := make([]int16, 256)
	dec, err := codec.NewDecoder(media.Format{Codec: c, ClockRate: 8000, SampleRate: 8000, Channels: 1})
	if err == nil {
		_, err = dec.Decode(table, codes[:])
	}
	if err != nil {
		panic(err) // 256 bytes of G.711 are always a packet
	}
	return func(b []byte) int64 { return int64(table[b[0]]) << 16 }
}
