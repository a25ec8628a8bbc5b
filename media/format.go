package media

import (
	"fmt"
	"time"
)

// Codec names an audio coding. The zero value is no codec.
type Codec uint8

// The codings that confd speaks.
const (
	NoCodec Codec = iota
	PCMU          // RFC 3551 section 4.5.14
	PCMA          // RFC 3551 section 4.5.14
	G722          // RFC 3551 section 4.5.2: 16 kHz sound on an 8000 Hz RTP clock
	Opus          // RFC 6716, RFC 7587
	L16           // RFC 3551 section 4.5.11
)

// String returns the encoding name that SDP uses (RFC 8866 section 6.6).
func (c Codec) String() string {
	switch c {
	case PCMU:
		return "PCMU"
	case PCMA:
		return "PCMA"
	case G722:
		return "G722"
	case Opus:
		return "opus"
	case L16:
		return "L16"
	}
	return "none"
}

// Format is how one direction of a stream is coded. It is comparable: sinks of one mix
// whose formats are equal share an encoder.
type Format struct {
	Codec      Codec
	ClockRate  int           // RTP timestamp units per second
	SampleRate int           // PCM samples per second and channel at the codec, 8000 to 48000
	Channels   int           // on the wire, 1 or 2; the mix is mono
	PacketTime time.Duration // egress: sound per packet, 2.5 ms to 120 ms; unused for ingress
	Opus       OpusParams    // zero unless Codec is Opus
}

// OpusParams are the encoder settings that a class of sinks has in common. They are
// quantised by whoever negotiates, so that nobody can mint encoders.
type OpusParams struct {
	Bitrate int   // bits per second, 6000 to 510000
	FEC     bool  // write in-band forward error correction (RFC 7587 useinbandfec)
	Loss    uint8 // expected loss in percent, 0 to 30, which FEC is tuned for
	DTX     bool  // stop sending in silence (RFC 7587 usedtx)
	CBR     bool  // constant bit rate (RFC 7587 cbr)
}

// String is for logs and errors.
func (f Format) String() string {
	if f.Channels > 1 {
		return fmt.Sprintf("%s/%d/%d", f.Codec, f.ClockRate, f.Channels)
	}
	return fmt.Sprintf("%s/%d", f.Codec, f.ClockRate)
}

// Samples returns how many PCM samples a channel has in d.
func (f Format) Samples(d time.Duration) int {
	return int(int64(d) * int64(f.SampleRate) / int64(time.Second))
}

// Ticks returns how many RTP timestamp units d lasts.
func (f Format) Ticks(d time.Duration) int {
	return int(int64(d) * int64(f.ClockRate) / int64(time.Second))
}
