//go:build linux

package floor

import (
	"fmt"

	"github.com/hraban/opus"

	"github.com/confd/confd/bench/coding"
	"github.com/confd/confd/media"
)

// codec is what the tick needs of a coding.
type codec interface {
	samples() int                                      // per packet
	decode(leg int, pcm []int16, payload []byte)       // one packet
	encode(class int, payload []byte, pcm []int16) int // one packet; returns its length
}

func newCodec(config Config, legs int) (codec, error) {
	switch config.Codec {
	case media.PCMU:
		return ulawCodec{}, nil
	case media.Opus:
		return newOpusCodec(config, legs)
	}
	return nil, fmt.Errorf("floor: codec %v: want %v or %v", config.Codec, media.PCMU, media.Opus)
}

type ulawCodec struct{}

func (ulawCodec) samples() int { return 160 }

func (ulawCodec) decode(_ int, pcm []int16, payload []byte) {
	coding.DecodeUlaw(pcm, payload[:min(len(payload), len(pcm))])
}

func (ulawCodec) encode(_ int, payload []byte, pcm []int16) int {
	coding.EncodeUlaw(payload, pcm)
	return len(pcm)
}

// opusCodec has a decoder per leg and an encoder per class.
type opusCodec struct {
	decoders []*opus.Decoder
	encoders []*opus.Encoder
}

func newOpusCodec(config Config, legs int) (*opusCodec, error) {
	c := &opusCodec{
		decoders: make([]*opus.Decoder, legs),
		encoders: make([]*opus.Encoder, 1+config.Talkers),
	}
	var err error
	for i := range c.decoders {
		if c.decoders[i], err = coding.NewOpusDecoder(); err != nil {
			return nil, err
		}
	}
	for i := range c.encoders {
		if c.encoders[i], err = config.Opus.NewEncoder(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *opusCodec) samples() int { return coding.OpusRate / 50 }

// decode leaves pcm as it is when the payload is damaged: on loopback that is a bug of the
// sender, which the tests of what is heard show.
func (c *opusCodec) decode(leg int, pcm []int16, payload []byte) {
	_, _ = c.decoders[leg].Decode(payload, pcm)
}

func (c *opusCodec) encode(class int, payload []byte, pcm []int16) int {
	n, err := c.encoders[class].Encode(pcm, payload)
	if err != nil {
		return 0
	}
	return n
}
