package pictures

import "github.com/confd/confd/media"

// part is a packet of a layer's frame.
type part struct {
	*Camera
	*picture
	layer       int
	index       int // among the packets that carry the frame
	first, last bool
}

// layer makes the packets of one spatial layer of the current picture.
func (c *Camera) layer(layer int) []Packet {
	p := part{Camera: c, picture: &c.picture, layer: layer}
	count, size := c.plan(p)
	var bodies [][]byte
	if c.hasSets() {
		bodies = append(bodies, nil)
		count++
	}
	all := make([]Packet, count)
	for n := range all {
		sets := n < len(bodies)
		p.index, p.first, p.last = n-len(bodies), n == len(bodies), n == count-1
		head := p.sets()
		filling := 0
		if !sets {
			head = p.head()
			filling = min(c.Payload-len(head)-tagSize, max(size, 0))
			size -= filling + tagSize
		}
		all[n] = c.packet(p, head, c.tag(layer, n, count, filling), n == 0)
	}
	return all
}

// plan returns how many packets a frame takes, and how many bytes it has behind heads.
func (c *Camera) plan(p part) (count, size int) {
	size = c.Bytes
	if c.picture.key {
		size = c.KeyBytes
	}
	size = max(size/c.Spatial, tagSize)
	p.first = true
	left := size - (c.Payload - len(p.head()))
	p.first, p.index = false, 1
	room := c.Payload - len(p.head())
	return 1 + (max(left, 0)+room-1)/room, size - tagSize
}

// hasSets tells whether a packet with parameter sets comes before the picture.
func (c *Camera) hasSets() bool {
	return c.picture.key && (c.Codec == media.H264 || c.Codec == media.H265)
}

func (c *Camera) tag(layer, index, count, filling int) Tag {
	p := &c.picture
	return Tag{Source: c.Source, Number: p.number, Needs: p.needs, Timestamp: p.timestamp, Index: uint16(index), Count: uint16(count),
		Encoding: c.Encoding, Temporal: uint8(p.temporal), Spatial: uint8(layer), Layers: uint8(c.Spatial), Key: p.key, Filling: uint16(filling)}
}

func (c *Camera) packet(p part, head []byte, t Tag, begin bool) Packet {
	out := Packet{SSRC: c.SSRC, Timestamp: c.picture.timestamp, Sequence: c.Sequence, Encoding: c.Encoding,
		FrameMarking: c.marking(begin, p.last), Payload: t.append(head)}
	c.Sequence++
	return out
}

// head is what comes before the tag.
func (p *part) head() []byte {
	switch p.Codec {
	case media.VP8:
		return p.vp8()
	case media.VP9:
		return p.vp9()
	case media.H264:
		return p.h264()
	case media.H265:
		return p.h265()
	}
	return p.av1()
}

// sets is what comes before the tag in the packet with parameter sets.
func (p *part) sets() []byte {
	switch p.Codec {
	case media.H264:
		return h264Sets(p.Width, p.Height)
	case media.H265:
		return h265Sets(p.Width, p.Height)
	}
	return nil
}
