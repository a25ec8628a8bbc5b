//go:build linux

package callers

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/confd/confd/bench/coding"
	"github.com/confd/confd/bench/wire"
	"github.com/confd/confd/media"
)

// Sound is what a talker says.
type Sound uint8

// Sounds of talkers.
const (
	Speech Sound = iota // syllables of voiced sound, no two talkers alike
	Tones               // a sine of ToneOf(talker)
)

// ToneOf returns the frequency in Hz that talker number i has when it sends a tone.
func ToneOf(i int) int { return 350 + 170*i }

// render returns samples of talker i's sound, which peak near amplitude.
func (s Sound) render(i, rate, samples int, amplitude float64) []int16 {
	pcm := make([]int16, samples)
	for n := range pcm {
		t := float64(n) / float64(rate)
		if s == Tones {
			pcm[n] = int16(amplitude * math.Sin(2*math.Pi*float64(ToneOf(i))*t))
		} else {
			pcm[n] = int16(amplitude * voice(i, t))
		}
	}
	return pcm
}

// voice is a vowel-like sound at time t: harmonics that fall off, stronger near two
// formants, in a rhythm of three to five syllables a second.
func voice(i int, t float64) float64 {
	pitch := 100 + 17*float64(i%8) + 6*math.Sin(2*math.Pi*0.7*t+float64(i))
	syllable := math.Sin(math.Pi * (3 + 0.37*float64(i%6)) * t)
	var sum float64
	for h := 1.0; h*pitch < 3600; h++ {
		f := h * pitch
		weight := 0.15/h + 0.1*math.Exp(-sq((f-600)/180)) + 0.05*math.Exp(-sq((f-1700)/250))
		sum += weight * math.Sin(2*math.Pi*f*t+h*h)
	}
	return sum * (0.1 + 0.9*sq(syllable))
}

func sq(x float64) float64 { return x * x }

// hiss is noise of a few steps of 16 bits: what a quiet room sends.
func hiss(samples int) []int16 {
	random := rand.New(rand.NewPCG(1, 2))
	pcm := make([]int16, samples)
	for i := range pcm {
		pcm[i] = int16(random.IntN(7) - 3)
	}
	return pcm
}

// loop is sound in packets of 20 ms, sent over and over: what follows their headers, and
// nothing where DTX has none sent.
type loop [][]byte

const (
	packetsPerSecond = 50
	loopSeconds      = 4
)

// sounds are the loops of a load: one per talker of a room, and the silence of the others.
type sounds struct {
	talkers []loop
	silence loop
	ticks   uint32 // RTP timestamp units in a packet
}

func newSounds(config Config) (sounds, error) {
	const samples = loopSeconds * packetsPerSecond
	s := sounds{talkers: make([]loop, config.Talkers)}
	rate, quiet := coding.OpusRate, []int16(nil)
	if config.Codec == media.PCMU {
		rate = 8000
	}
	s.ticks = uint32(rate / packetsPerSecond)
	frame := int(s.ticks)
	var err error
	for i := range s.talkers {
		pcm := config.Sound.render(i, rate, frame*samples, config.amplitude())
		if s.talkers[i], err = pack(config, pcm, frame); err != nil {
			return s, err
		}
	}
	if quiet = make([]int16, frame*samples); config.Codec == media.Opus {
		quiet = hiss(len(quiet))
	}
	s.silence, err = pack(config, quiet, frame)
	return s, err
}

// pack encodes pcm in packets of frame samples.
func pack(config Config, pcm []int16, frame int) (loop, error) {
	encode := func(buffer []byte, pcm []int16) (int, error) {
		coding.EncodeUlaw(buffer[:len(pcm)], pcm)
		return len(pcm), nil
	}
	if config.Codec == media.Opus {
		encoder, err := config.Opus.NewEncoder()
		if err != nil {
			return nil, err
		}
		encode = func(buffer []byte, pcm []int16) (int, error) { return encoder.Encode(pcm, buffer) }
	}
	l := make(loop, len(pcm)/frame)
	buffer := make([]byte, 1400)
	for i := range l {
		sound := pcm[i*frame : (i+1)*frame]
		n, err := encode(buffer, sound)
		if err != nil {
			return nil, fmt.Errorf("callers: encode %v: %w", config.Codec, err)
		}
		if config.Opus.DTX && n <= coding.Untold {
			continue
		}
		if config.Levels {
			l[i] = wire.LevelExtension(LevelID, levelOf(sound))
		}
		l[i] = append(l[i], buffer[:n]...)
	}
	return l, nil
}

// levelOf returns how loud pcm is, in -dBov.
func levelOf(pcm []int16) uint8 {
	var sum float64
	for _, x := range pcm {
		sum += sq(float64(x))
	}
	return uint8(media.LevelOf(sum / float64(len(pcm)) / (1 << 30)))
}
