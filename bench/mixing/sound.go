//go:build linux

package mixing

import (
	"math"
	"math/rand/v2"

	"github.com/confd/confd/codec"
	"github.com/confd/confd/internal/pcm"
	"github.com/confd/confd/media"
)

// recordedPackets divides the numbers of a sequence, so that a recording joins on to itself.
const recordedPackets = 64

// said returns the frames of a voice at a rate, or of the faint noise of a quiet phone if the
// number of the voice is negative.
func said(voice, rate, samples int) [][]int16 {
	r := rand.New(rand.NewPCG(1, uint64(voice+1)))
	frames := make([][]int16, recordedPackets)
	at := 0
	for i := range frames {
		frames[i] = make([]int16, samples)
		for j := range frames[i] {
			frames[i][j] = int16(r.IntN(17) - 8)
			if voice >= 0 {
				frames[i][j] = utterance(float64(at)/float64(rate), voice)
			}
			at++
		}
	}
	return frames
}

// recorded returns the packets of a voice; see said.
func recorded(f media.Format, voice int) ([][]byte, error) {
	enc, err := codec.NewEncoder(f, codec.DefaultOptions())
	if err != nil {
		return nil, err
	}
	packets := make([][]byte, recordedPackets)
	for i, frame := range said(voice, f.SampleRate, f.Samples(f.PacketTime)) {
		if packets[i], err = enc.Encode(nil, frame); err != nil {
			return nil, err
		}
	}
	return packets, nil
}

// sum returns the frames of the first voices together.
func sum(voices, rate, samples int) [][]int32 {
	sums := make([][]int32, recordedPackets)
	for i := range sums {
		sums[i] = make([]int32, samples)
	}
	for v := range voices {
		for i, frame := range said(v, rate, samples) {
			pcm.Add(sums[i], frame)
		}
	}
	return sums
}

// less returns sums without a voice, or as they are if its number is negative.
func less(sums [][]int32, voice, rate int) [][]int16 {
	frames, samples := make([][]int16, len(sums)), len(sums[0])
	rest := make([]int32, samples)
	own := said(max(voice, 0), rate, samples)
	for i, all := range sums {
		copy(rest, all)
		if voice >= 0 {
			pcm.Less(rest, all, own[i])
		}
		frames[i] = make([]int16, samples)
		pcm.Narrow(frames[i], rest)
	}
	return frames
}

// utterance is something like a voice, at -23 dBov: harmonics that swell and fade several
// times a second.
func utterance(seconds float64, voice int) int16 {
	pitch := 110 + 17*float64(voice)
	sum := 0.0
	for h := 1.0; h <= 8; h++ {
		sum += math.Sin(2*math.Pi*pitch*h*seconds+h*h) / h
	}
	return int16(2000 * sum * (1.2 + math.Sin(2*math.Pi*4*seconds)))
}
