package phone

import (
	"time"

	"github.com/confd/confd/codec"
	vocabulary "github.com/confd/confd/media"
)

// g722Coder borrows the server's G.722, which its own tests hold against a foreign one.
type g722Coder struct {
	enc codec.Encoder
	dec codec.Decoder
}

func newG722Coder(interval time.Duration) (coder, error) {
	f := vocabulary.Format{Codec: vocabulary.G722, ClockRate: 8000, SampleRate: 16000, Channels: 1, PacketTime: interval}
	enc, err := codec.NewEncoder(f, codec.Options{})
	if err != nil {
		return nil, err
	}
	dec, err := codec.NewDecoder(f)
	if err != nil {
		return nil, err
	}
	return &g722Coder{enc, dec}, nil
}

func (g *g722Coder) encode(pcm []int16) ([]byte, error) { return g.enc.Encode(nil, pcm) }

func (g *g722Coder) decode(payload []byte) ([]int16, error) {
	out := make([]int16, codec.MaxFrame)
	n, err := g.dec.Decode(out, payload)
	return out[:max(0, n)], err
}
