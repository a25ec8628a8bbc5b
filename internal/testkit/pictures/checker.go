package pictures

import (
	"errors"
	"fmt"

	"github.com/confd/confd/media"
)

// Seen is a picture that came whole.
type Seen struct {
	Source    uint32
	Number    uint32 // that its camera gave it
	Timestamp uint32 // under which it came
	Packets   int
	Encoding  uint8
	Temporal  uint8
	Spatial   uint8 // the highest layer that came
	Key       bool
	Switched  bool // the one before it was of another source or encoding
}

// Checker verifies a stream that a server made of those of cameras, as its receiver gets it,
// in order of sequence numbers and without retransmissions. It is strict:
//
//   - Sequence numbers are without gaps, and there is one SSRC, unless it is 0.
//   - A picture's packets have one timestamp, the last of them alone the marker; timestamps
//     grow, by at most MaxStep, and within one source as the camera's did.
//   - Pictures are whole, up to a spatial layer; their payloads are as they were sent.
//   - After a switch, of source or encoding, and at the start, comes a key frame; all that a
//     picture needs has come.
//   - VP8: picture ids without gaps; TL0PICIDX steps with the base layer, KEYIDX with key
//     frames. VP9: picture ids grow, within a source as the camera's did, so that references
//     hold; TL0PICIDX as in VP8.
//
// A picture that failed is left out of what was seen.
type Checker struct {
	Codec   media.VideoCodec
	MaxStep uint32 // of timestamps, in ticks; 0: 900000, ten seconds
	// Pictures are those that came whole, in order.
	Pictures []Seen

	any     bool // there was a packet before
	last    Packet
	open    []Tag // of the picture that has begun
	numbers numbers
	before  *shown // the picture before
	arrived map[uint32]uint8
}

// shown is what the next picture has to go on from.
type shown struct {
	Seen
	sent uint32 // the timestamp that its camera gave it
	numbers
}

// NewChecker makes a checker for a stream of one codec.
func NewChecker(c media.VideoCodec) *Checker { return &Checker{Codec: c} }

// Packet takes the next packet, and tells what is wrong with it or, at its end, with its
// picture. After an error it goes on with the next packet.
func (c *Checker) Packet(p *Packet) error {
	err := c.order(p)
	t, e := ReadTag(p.Payload)
	n, e2 := readNumbers(c.Codec, p.Payload)
	if err = errors.Join(err, e, e2); err == nil {
		err = errors.Join(c.add(p, t, n), c.layers(t, n))
	}
	c.any, c.last = true, *p
	if p.Marker {
		if e := c.finish(p); err == nil {
			err = e
		}
	}
	if err != nil {
		return fmt.Errorf("sequence %d timestamp %d: %w", p.Sequence, p.Timestamp, err)
	}
	return nil
}

// Complete tells whether the stream ends with a whole picture.
func (c *Checker) Complete() error {
	if len(c.open) > 0 {
		return fmt.Errorf("the stream ends within a picture: %v", c.open[len(c.open)-1])
	}
	return nil
}

// order checks what the RTP header says.
func (c *Checker) order(p *Packet) error {
	if !c.any {
		return nil
	}
	switch step, l := p.Timestamp-c.last.Timestamp, &c.last; {
	case p.Sequence != l.Sequence+1:
		return fmt.Errorf("after sequence %d", l.Sequence)
	case p.SSRC != l.SSRC && p.SSRC != 0:
		return fmt.Errorf("SSRC %d after %d", p.SSRC, l.SSRC)
	case !l.Marker && step != 0:
		return fmt.Errorf("timestamp %d ended without a marker", l.Timestamp)
	case l.Marker && (step == 0 || step > c.maxStep()):
		return fmt.Errorf("a new picture after timestamp %d", l.Timestamp)
	}
	return nil
}

func (c *Checker) maxStep() uint32 {
	if c.MaxStep == 0 {
		return 900000
	}
	return c.MaxStep
}

// add checks that a packet is the next of its picture.
func (c *Checker) add(p *Packet, t Tag, n numbers) error {
	open := c.open
	c.open = append(open, t)
	if len(open) == 0 {
		c.numbers = n
		if t.Index != 0 || t.Spatial != 0 {
			return fmt.Errorf("a picture begins with %v", t)
		}
		return nil
	}
	l := open[len(open)-1]
	next := t.Spatial == l.Spatial && t.Index == l.Index+1 || t.Spatial == l.Spatial+1 && t.Index == 0 && l.Index+1 == l.Count
	if !next || t.Number != l.Number || t.Source != l.Source || t.Encoding != l.Encoding {
		return fmt.Errorf("%v after %v", t, l)
	}
	if n.id != c.numbers.id || n.tl0 != c.numbers.tl0 || n.key != c.numbers.key || n.has != c.numbers.has {
		return fmt.Errorf("%v in a picture that began with %v", n, c.numbers)
	}
	return nil
}

// layers checks that the descriptor's layers and references are the camera's.
func (c *Checker) layers(t Tag, n numbers) error {
	if n.has.layers && (n.temporal != t.Temporal || n.spatial != t.Spatial) {
		return fmt.Errorf("%v: its descriptor says layer %d/%d", t, n.spatial, n.temporal)
	}
	if back := uint16(t.Number - t.Needs); n.diffs != nil && (len(n.diffs) != 1 || n.diffs[0] != back) {
		return fmt.Errorf("%v: its descriptor refers %v pictures back, it needs that %d back", t, n.diffs, back)
	}
	return nil
}

// finish checks a picture that has ended against those before it.
func (c *Checker) finish(p *Packet) error {
	open := c.open
	c.open = nil
	if len(open) == 0 {
		return nil // its packets have failed
	}
	first, last := open[0], open[len(open)-1]
	now := &shown{sent: first.Timestamp, numbers: c.numbers, Seen: Seen{Source: first.Source, Number: first.Number, Timestamp: p.Timestamp, Packets: len(open),
		Encoding: first.Encoding, Temporal: first.Temporal, Spatial: last.Spatial, Key: first.Key}}
	before := c.before
	now.Switched = before == nil || before.Source != now.Source || before.Encoding != now.Encoding
	if last.Index+1 != last.Count {
		return fmt.Errorf("ends with %v", last)
	}
	if err := c.decodable(now, first.Needs); err != nil {
		return err
	}
	c.before = now
	c.Pictures = append(c.Pictures, now.Seen)
	if before == nil {
		return nil
	}
	return errors.Join(c.timing(before, now), c.continuous(before, now))
}

// decodable checks that a picture's references came since the last key frame.
func (c *Checker) decodable(s *shown, needs uint32) error {
	switch layer, ok := c.arrived[needs]; {
	case s.Key:
		c.arrived = map[uint32]uint8{}
	case s.Switched:
		return fmt.Errorf("source %d encoding %d begins with picture %d, which is no key frame", s.Source, s.Encoding, s.Number)
	case !ok:
		return fmt.Errorf("source %d picture %d needs %d, which has not come", s.Source, s.Number, needs)
	case layer < s.Spatial:
		return fmt.Errorf("source %d picture %d needs layer %d of %d, of which only up to %d came", s.Source, s.Number, s.Spatial, needs, layer)
	}
	c.arrived[s.Number] = s.Spatial
	return nil
}

// timing checks that pictures of one source are as far apart as they were sent.
func (c *Checker) timing(before, now *shown) error {
	if got, want := now.Timestamp-before.Timestamp, now.sent-before.sent; !now.Switched && got != want {
		return fmt.Errorf("source %d picture %d comes %d ticks after %d, and was sent %d after", now.Source, now.Number, got, before.Number, want)
	}
	return nil
}
