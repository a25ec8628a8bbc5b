package pictures

import (
	"errors"
	"fmt"

	"github.com/confd/confd/media"
)

// numbers are what a descriptor of VP8 or VP9 says.
type numbers struct {
	id                uint16
	tl0, key          uint8
	temporal, spatial uint8
	diffs             []uint16 // VP9 in flexible mode: the pictures that it refers to, as distances
	has               has
}

// has tells which of the numbers are there.
type has struct{ id, long, tl0, key, layers bool }

// String is for errors.
func (n numbers) String() string {
	return fmt.Sprintf("picture id %d TL0PICIDX %d KEYIDX %d (%+v)", n.id, n.tl0, n.key, n.has)
}

var errCut = errors.New("the payload ends within its descriptor")

// readNumbers reads a descriptor. Codecs other than VP8 and VP9 have no numbers.
func readNumbers(c media.VideoCodec, b []byte) (n numbers, err error) {
	defer func() {
		if recover() != nil { // b is indexed without care
			err = errCut
		}
	}()
	switch c {
	case media.VP8:
		return readVP8(b), nil
	case media.VP9:
		return readVP9(b), nil
	}
	return n, nil
}

func readVP8(b []byte) (n numbers) {
	if b[0]&0x80 == 0 {
		return n
	}
	x := b[1]
	b = b[2:]
	if x&0x80 != 0 {
		b = n.readID(b)
	}
	if x&0x40 != 0 {
		n.has.tl0, n.tl0, b = true, b[0], b[1:]
	}
	if x&0x20 != 0 {
		n.has.layers, n.temporal = true, b[0]>>6
	}
	if x&0x10 != 0 {
		n.has.key, n.key = true, b[0]&0x1f
	}
	return n
}

func (n *numbers) readID(b []byte) []byte {
	n.has.id, n.id = true, uint16(b[0])
	if b[0]&0x80 == 0 {
		return b[1:]
	}
	n.has.long, n.id = true, uint16(b[0]&0x7f)<<8|uint16(b[1])
	return b[2:]
}

func readVP9(b []byte) (n numbers) {
	first := b[0]
	b = b[1:]
	if first&0x80 != 0 {
		b = n.readID(b)
	}
	if first&0x20 != 0 {
		n.has.layers, n.temporal, n.spatial = true, b[0]>>5, b[0]>>1&7
		b = b[1:]
		if first&0x10 == 0 {
			n.has.tl0, n.tl0, b = true, b[0], b[1:]
		}
	}
	for more := first&0x50 == 0x50; more; b = b[1:] {
		n.diffs = append(n.diffs, uint16(b[0]>>1))
		more = b[0]&1 == 1
	}
	return n
}

// continuous checks the numbers of a picture against those of the one before.
func (c *Checker) continuous(before, now *shown) error {
	if before.has != now.has {
		return fmt.Errorf("%v after %v", now.numbers, before.numbers)
	}
	if err := c.ids(before, now); err != nil {
		return err
	}
	want := before.tl0
	if now.Temporal == 0 {
		want++
	}
	if now.has.tl0 && now.tl0 != want {
		return fmt.Errorf("picture %d of layer %d has TL0PICIDX %d, want %d", now.Number, now.Temporal, now.tl0, want)
	}
	if want = before.key; now.Key {
		want = (want + 1) & 0x1f
	}
	if now.has.key && now.key != want {
		return fmt.Errorf("picture %d (key: %v) has KEYIDX %d, want %d", now.Number, now.Key, now.key, want)
	}
	return nil
}

// ids checks the picture ids.
func (c *Checker) ids(before, now *shown) error {
	if !now.has.id {
		return nil
	}
	mask := uint16(0x7f)
	if now.has.long {
		mask = 0x7fff
	}
	step, want := (now.id-before.id)&mask, uint16(1)
	if c.Codec == media.VP9 {
		want = uint16(now.Number-before.Number) & mask
		if now.Switched {
			want = max(1, min(step, mask/2))
		}
	}
	if step != want {
		return fmt.Errorf("picture %d has id %d after %d, want a step of %d", now.Number, now.id, before.id, want)
	}
	return nil
}
