package codec

import (
	"github.com/confd/confd/media"
)

// waveform is a decoder that knows nothing of loss. Its caller has checked the payload
// and the length of pcm.
type waveform interface {
	samples(payload []byte) int // 0: malformed
	decode(pcm []int16, payload []byte)
	reset()
}

// concealer makes a Decoder of a waveform decoder.
type concealer struct {
	wave  waveform
	limit int // samples in 120 ms
}

func newConcealer(f media.Format, w waveform) *concealer {
	return &concealer{wave: w, limit: f.Samples(maxDuration)}
}

func (c *concealer) Decode(pcm []int16, payload []byte) (int, error) {
	n := c.wave.samples(payload)
	switch {
	case n == 0 || n > c.limit:
		return 0, errPayload
	case n > len(pcm):
		return 0, errShortPCM
	}
	c.wave.decode(pcm[:n], payload)
	return n, nil
}

func (c *concealer) Conceal(pcm []int16) error {
	clear(pcm)
	return nil
}

// Recover has nothing to recover from: these codings carry no copies.
func (c *concealer) Recover([]int16, []byte) (bool, error) { return false, nil }

func (c *concealer) Reset() error {
	c.wave.reset()
	return nil
}
