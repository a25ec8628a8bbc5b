//go:build linux

package mixing

import (
	"github.com/confd/confd/codec"
	"github.com/confd/confd/media"
)

// Calls are the codec calls without which a room's tick cannot be: a decode for each talker,
// and an encode for each class, which is one for the full mix of each format, and one for
// each talker, who does not hear himself. One who is all alone counts as if he were heard,
// so that there is a floor: a tick of his is below it.
type Calls struct {
	decodes []decode
	encodes []encode
	at      int
	pcm     []int16
	buffer  []byte
}

type decode struct {
	codec.Decoder
	payloads [][]byte
}

type encode struct {
	codec.Encoder
	frames [][]int16
}

// NewCalls makes the calls of a case.
func NewCalls(c Case) (*Calls, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	b := &Calls{pcm: make([]int16, codec.MaxFrame), buffer: make([]byte, 0, max(codec.MaxPayload, 2*codec.MaxFrame))}
	sums := make([][][]int32, len(c.Formats)) // of all talkers, at the formats' rates
	for i, f := range c.Formats {
		sums[i] = sum(c.Talkers, f.SampleRate, f.Samples(f.PacketTime))
	}
	for i := range c.Talkers {
		f := c.format(i)
		payloads, err := recorded(f, i)
		if err != nil {
			return nil, err
		}
		d, err := codec.NewDecoder(f)
		if err != nil {
			return nil, err
		}
		b.decodes = append(b.decodes, decode{d, payloads})
		if c.Talkers == 1 && c.Participants > 1 {
			break // who alone talks hears silence
		}
		if err := b.encode(f, less(sums[i%len(sums)], i, f.SampleRate)); err != nil {
			return nil, err
		}
	}
	for i := range min(c.Participants-c.Talkers, len(c.Formats)) { // formats that have listeners
		i += c.Talkers
		f := c.format(i)
		if err := b.encode(f, less(sums[i%len(sums)], -1, f.SampleRate)); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *Calls) encode(f media.Format, frames [][]int16) error {
	e, err := codec.NewEncoder(f, codec.DefaultOptions())
	b.encodes = append(b.encodes, encode{e, frames})
	return err
}

// Run makes the calls of one tick. What they give is known to be good: the packets are their
// own, and Check has run them all.
func (b *Calls) Run() {
	at := b.at % recordedPackets
	b.at++
	for _, d := range b.decodes {
		_, _ = d.Decode(b.pcm, d.payloads[at])
	}
	for _, e := range b.encodes {
		_, _ = e.Encode(b.buffer[:0], e.frames[at])
	}
}

// Check makes the calls of a whole recording and returns the first error.
func (b *Calls) Check() error {
	for at := range recordedPackets {
		for _, d := range b.decodes {
			if _, err := d.Decode(b.pcm, d.payloads[at]); err != nil {
				return err
			}
		}
		for _, e := range b.encodes {
			if _, err := e.Encode(b.buffer[:0], e.frames[at]); err != nil {
				return err
			}
		}
	}
	return nil
}
