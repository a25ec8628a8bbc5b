package phone

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/hraban/opus"

	"github.com/confd/confd/internal/testkit/wav"
)

// coder codes one direction. Its methods are for one goroutine at a time.
type coder interface {
	encode(pcm []int16) ([]byte, error)
	decode(payload []byte) ([]int16, error)
}

func newCoder(c Codec, interval time.Duration) (coder, error) {
	switch strings.ToLower(c.Name) {
	case "pcmu":
		return bytewise{wav.EncodeMuLaw, decodeMu}, nil
	case "pcma":
		return bytewise{wav.EncodeALaw, decodeA}, nil
	case "l16":
		return linear{}, nil
	case "opus":
		return newOpusCoder(c)
	case "g722":
		return newG722Coder(interval)
	}
	return nil, fmt.Errorf("no coder for %s", c.Name)
}

type bytewise struct {
	enc func([]int16) []byte
	dec func(byte) int16
}

func (b bytewise) encode(pcm []int16) ([]byte, error) { return b.enc(pcm), nil }

func (b bytewise) decode(payload []byte) ([]int16, error) {
	out := make([]int16, len(payload))
	for i, c := range payload {
		out[i] = b.dec(c)
	}
	return out, nil
}

type linear struct{}

func (linear) encode(pcm []int16) ([]byte, error) {
	out := make([]byte, 0, 2*len(pcm))
	for _, s := range pcm {
		out = binary.BigEndian.AppendUint16(out, uint16(s))
	}
	return out, nil
}

func (linear) decode(payload []byte) ([]int16, error) {
	out := make([]int16, len(payload)/2)
	for i := range out {
		out[i] = int16(binary.BigEndian.Uint16(payload[2*i:]))
	}
	return out, nil
}

type opusCoder struct {
	enc *opus.Encoder
	dec *opus.Decoder
}

func newOpusCoder(c Codec) (coder, error) {
	enc, err := opus.NewEncoder(c.SampleRate, 1, opus.AppVoIP)
	if err != nil {
		return nil, err
	}
	dec, err := opus.NewDecoder(c.SampleRate, 1)
	if err != nil {
		return nil, err
	}
	if err := enc.SetInBandFEC(strings.Contains(c.Fmtp, "useinbandfec=1")); err != nil {
		return nil, err
	}
	// Low complexity: the phone shares the machine with the server under test.
	return &opusCoder{enc, dec}, enc.SetComplexity(3)
}

func (o *opusCoder) encode(pcm []int16) ([]byte, error) {
	out := make([]byte, 1400)
	n, err := o.enc.Encode(pcm, out)
	return out[:max(0, n)], err
}

func (o *opusCoder) decode(payload []byte) ([]int16, error) {
	out := make([]int16, 5760)
	n, err := o.dec.Decode(payload, out)
	return out[:max(0, n)], err
}
