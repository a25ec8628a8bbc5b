// Package codec turns packets into sound and sound into packets: PCMU, PCMA, G.722, Opus
// and L16, with concealment of loss, comfort noise (RFC 3389) and named events (RFC 4733).
//
// Everything in it is driven by one caller at a time: an Encoder or Decoder has no lock
// and no goroutine. Nothing allocates once made, as long as the buffers that the caller
// gives are large enough.
package codec

import (
	"errors"
	"fmt"
	"time"

	"github.com/confd/confd/media"
)

// MaxFrame is the number of samples in the longest packet there is: 120 ms at 48 kHz.
const MaxFrame = 5760

// maxDuration is the most sound that one packet may carry.
const maxDuration = 120 * time.Millisecond

// MaxPayload is the most bytes that any Encoder here appends per packet, but for L16,
// whose payload is as long as its samples. A buffer with that much room is never grown.
const MaxPayload = 1275

// Options are the encoder's settings that are not negotiated with the peer.
type Options struct {
	Complexity int  // Opus: 0 (fast) to 10 (good)
	LowDelay   bool // Opus: CELT only, a third of the cost, 4 ms less delay, no in-band FEC
}

// DefaultComplexity of Opus: half the cost of the best, and hardly worse to the ear.
const DefaultComplexity = 5

// DefaultOptions are what to use unless configured otherwise.
func DefaultOptions() Options { return Options{Complexity: DefaultComplexity} }

// Encoder codes one stream. It belongs to one goroutine at a time.
type Encoder interface {
	// Encode appends to dst one packet for exactly one packet time of mono pcm at the
	// format's sample rate, and returns the longer dst. It returns dst unchanged, without
	// an error, when there is nothing to send (DTX).
	Encode(dst []byte, pcm []int16) ([]byte, error)
	// CopyFrom makes the encoder go on exactly where src stands, so that a listener who
	// is moved from src to this encoder hears no seam. The formats must be equal.
	CopyFrom(src Encoder) error
	// Reset forgets all sound heard; the settings stay.
	Reset() error
}

// Decoder decodes one stream to mono. It belongs to one goroutine at a time. After any
// error it can be used further, as if the call had not been made.
type Decoder interface {
	// Decode writes the packet's sound to pcm and returns how many samples that is:
	// PacketSamples of the payload. It is an error if pcm is shorter (MaxFrame is always
	// enough) or if the payload is malformed.
	Decode(pcm []int16, payload []byte) (int, error)
	// Conceal fills pcm with sound made up in place of what was lost. The next Decode
	// joins on without a click.
	Conceal(pcm []int16) error
	// Recover fills pcm with the sound of a lost packet from the copy that the packet
	// after it, next, carries in-band (Opus LBRR, RFC 6716 section 2.1.7). It reports
	// false, having done nothing, if next has none: then Conceal.
	Recover(pcm []int16, next []byte) (ok bool, err error)
	// Reset forgets the stream: what comes next is unrelated to what was decoded so far.
	Reset() error
}

// Errors about payloads, made once because hostile packets must not cost memory.
var (
	errPayload  = errors.New("codec: malformed payload, or one of more than 120 ms")
	errShortPCM = errors.New("codec: pcm buffer shorter than the payload's sound; MaxFrame samples are always enough")
)

// NewEncoder makes an encoder of f. The error says what of f or o is out of range.
func NewEncoder(f media.Format, o Options) (Encoder, error) {
	if err := check(f); err != nil {
		return nil, err
	}
	if f.PacketTime < 2500*time.Microsecond || f.PacketTime > maxDuration {
		return nil, fmt.Errorf("codec: %v: packet time %v, want 2.5 ms to 120 ms", f, f.PacketTime)
	}
	n := f.Samples(f.PacketTime)
	if time.Duration(n)*time.Second != f.PacketTime*time.Duration(f.SampleRate) || f.Codec == media.G722 && n%2 != 0 {
		return nil, fmt.Errorf("codec: %v: packet time %v, want a whole number of samples, for G.722 of pairs", f, f.PacketTime)
	}
	switch f.Codec {
	case media.PCMU:
		return &g711Encoder{format: f, samples: n, law: &mulaw}, nil
	case media.PCMA:
		return &g711Encoder{format: f, samples: n, law: &alaw}, nil
	case media.G722:
		return newG722Encoder(f, n), nil
	case media.L16:
		return &l16Encoder{format: f, samples: n}, nil
	default:
		return newOpusEncoder(f, o)
	}
}

// NewDecoder makes a decoder of f, which gives mono at f.SampleRate: of a stereo stream
// the mean of both channels. PacketTime is not used.
func NewDecoder(f media.Format) (Decoder, error) {
	if err := check(f); err != nil {
		return nil, err
	}
	switch f.Codec {
	case media.PCMU:
		return newConcealer(f, g711Decoder{law: &mulaw}), nil
	case media.PCMA:
		return newConcealer(f, g711Decoder{law: &alaw}), nil
	case media.G722:
		return newConcealer(f, newG722Decoder()), nil
	case media.L16:
		return newConcealer(f, &l16Decoder{channels: f.Channels}), nil
	default:
		return newOpusDecoder(f)
	}
}

// check says whether the format is one that this package codes, packet time aside.
func check(f media.Format) error {
	want := ""
	switch f.Codec {
	case media.PCMU, media.PCMA:
		if f.ClockRate != 8000 || f.SampleRate != 8000 || f.Channels != 1 {
			want = "clock 8000, samples 8000, 1 channel"
		}
	case media.G722:
		if f.ClockRate != 8000 || f.SampleRate != 16000 || f.Channels != 1 {
			want = "clock 8000, samples 16000, 1 channel"
		}
	case media.Opus:
		if f.ClockRate != 48000 || !opusRate(f.SampleRate) || f.Channels < 1 || f.Channels > 2 {
			want = "clock 48000, samples 8000, 12000, 16000, 24000 or 48000, 1 or 2 channels"
		}
	case media.L16:
		if f.ClockRate != f.SampleRate || !l16Rate(f.SampleRate) || f.Channels < 1 || f.Channels > 2 {
			want = "clock and samples 8000, 16000, 44100 or 48000, 1 or 2 channels"
		}
	default:
		return fmt.Errorf("codec: no such codec: %v", f.Codec)
	}
	if want != "" {
		return fmt.Errorf("codec: %v: clock %d, samples %d, %d channels, want %s",
			f.Codec, f.ClockRate, f.SampleRate, f.Channels, want)
	}
	return nil
}

func errPCM(f media.Format, got, want int) error {
	return fmt.Errorf("codec: %v: %d samples to encode, want the %d of one packet", f, got, want)
}

func errCopy(from, to any) error {
	return fmt.Errorf("codec: encoder state of %v cannot go to %v: the formats must be equal", from, to)
}

// PacketSamples returns how many samples a channel has in the payload at f.SampleRate,
// without decoding it: what Decode would return. It is 0 if the payload is malformed,
// empty, or longer than 120 ms.
func PacketSamples(f media.Format, payload []byte) int {
	n := 0
	switch f.Codec {
	case media.PCMU, media.PCMA:
		n = len(payload)
	case media.G722:
		n = 2 * len(payload)
	case media.L16:
		n = l16Samples(payload, f.Channels)
	case media.Opus:
		var p opusPacket
		if p.parse(payload) {
			n = p.samples(f.SampleRate)
		}
	}
	if n > f.Samples(maxDuration) {
		return 0
	}
	return n
}

// Activity is what a payload says about speech without being decoded.
type Activity uint8

// Activities.
const (
	ActivityUnknown Activity = iota // the payload does not say
	ActivitySilent                  // its encoder found no speech
	ActivityVoice                   // its encoder found speech
)

// Inspect says what can be known of a payload's sound without decoding it. If exact, the
// level is that of the decoded sound; else it means nothing.
//
//   - G.711 and L16: the exact level.
//   - Opus in SILK or hybrid mode: the encoder's voice flags (RFC 6716 section 4.2.3). A
//     steady tone is no speech to it, so silent is not the same as quiet.
//   - Opus DTX (no frame longer than one byte): silent.
//   - G.722 and Opus in CELT mode: nothing.
func Inspect(f media.Format, payload []byte) (activity Activity, level media.Level, exact bool) {
	if len(payload) == 0 {
		return ActivityUnknown, media.Silence, false
	}
	switch f.Codec {
	case media.PCMU:
		return ActivityUnknown, mulaw.level(payload), true
	case media.PCMA:
		return ActivityUnknown, alaw.level(payload), true
	case media.L16:
		if l16Samples(payload, f.Channels) == 0 {
			return ActivityUnknown, media.Silence, false
		}
		return ActivityUnknown, l16Level(payload, f.Channels), true
	case media.Opus:
		var p opusPacket
		if p.parse(payload) {
			return p.activity(), media.Silence, false
		}
	}
	return ActivityUnknown, media.Silence, false
}
