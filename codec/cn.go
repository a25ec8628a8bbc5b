package codec

import (
	"errors"
	"math"

	"github.com/confd/confd/media"
)

// Comfort noise, RFC 3389: in silence a sender says once in a while how loud its
// background is, and the receiver makes noise of that level. The spectrum that a payload
// may add is read over and not sent, as section 3.3 allows.

var errComfortNoise = errors.New("codec: comfort noise payload wants a first byte of 0 to 127")

// ParseCN returns the noise level that the payload asks for (RFC 3389 section 3.1).
func ParseCN(payload []byte) (media.Level, error) {
	if len(payload) == 0 || payload[0] > 127 {
		return media.Silence, errComfortNoise
	}
	return media.Level(payload[0]), nil
}

// AppendCN appends the payload that asks for white noise of the level.
func AppendCN(dst []byte, level media.Level) []byte {
	return append(dst, byte(min(level, media.Silence)))
}

// NoiseGenerator makes white noise. The zero value starts from silence; equal generators
// given equal calls make equal noise. It belongs to one goroutine at a time.
type NoiseGenerator struct {
	state     uint32
	amplitude float32 // reached at the end of the last Fill
}

// noisePeaks is the amplitude of evenly spread noise by level: its mean square is a third
// of the peak's square.
var noisePeaks = func() (t [128]float32) {
	for level := range t[:media.Silence] {
		t[level] = float32(math.Min(32767, 32768*math.Sqrt(3)*math.Pow(10, -float64(level)/20)))
	}
	return t // the last one stays: no noise at all
}()

// Fill writes noise that glides over the length of pcm from the level of the call before
// to this one. Evenly spread noise cannot be louder than level 5: louder levels give that.
func (g *NoiseGenerator) Fill(pcm []int16, level media.Level) {
	if len(pcm) == 0 {
		return
	}
	target := noisePeaks[min(level, media.Silence)]
	if target == 0 && g.amplitude == 0 {
		clear(pcm)
		return
	}
	amplitude := g.amplitude
	change := (target - amplitude) / float32(len(pcm))
	state := g.state
	for i := range pcm {
		state = state*1664525 + 1013904223 // its upper bits are random enough
		amplitude += change
		x := float32(int32(state)>>8) * (1.0 / (1 << 23)) * amplitude
		dither := float32(state&0xffff) * (1.0 / (1 << 16))
		pcm[i] = int16(int32(x+dither+(1<<15)) - 1<<15) // rounds down, what is positive
	}
	g.state, g.amplitude = state, target
}
