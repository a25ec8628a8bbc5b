package pictures

import "github.com/confd/confd/media"

// Packet is an RTP packet of video.
type Packet struct {
	SSRC         uint32
	Timestamp    uint32 // of 90 kHz
	Sequence     uint16
	Marker       bool
	Encoding     uint8  // of simulcast
	FrameMarking []byte // content of the header extension of RFC 9626; nil without
	Payload      []byte
}

// Config is what a camera sends.
type Config struct {
	Codec         media.VideoCodec
	Source        uint32 // names the camera in the tags
	Encoding      uint8  // names one of the streams of a source that sends several sizes
	SSRC          uint32
	Width, Height uint16 // of the largest spatial layer; 0: 640 x 360
	Interval      uint32 // RTP ticks from picture to picture; 0: 3600, 25 a second
	Bytes         int    // of a picture's payloads, about; 0: 3000
	KeyBytes      int    // of a key frame's; 0: four times Bytes
	Payload       int    // bytes of a payload at most, at least 200; 0: 1200
	Temporal      int    // layers, 1 to 3; 0: 1
	Spatial       int    // layers of VP9 or AV1, 1 to 3; 0: 1
	PictureIDBits int    // of VP8 and VP9: 7, 15 or 0 for none; layers need one
	Flexible      bool   // VP9: references are told by P_DIFF
	Marking       bool   // H.264, H.265: with frame marking

	// Where the counters begin.
	Sequence  uint16
	Timestamp uint32
	PictureID uint16
	TL0       uint8
	KeyIndex  uint8
}

// Camera makes one stream. It is for one goroutine at a time.
type Camera struct {
	Config
	started bool
	picture picture // the last one
	lastOf  [3]uint32
	phase   int // within the pattern of temporal layers
}

// picture is what all packets of a picture have in common.
type picture struct {
	number    uint32 // of the stream's pictures, from 0
	needs     uint32
	timestamp uint32
	id        uint16
	tl0, keys uint8
	key, sync bool
	temporal  int
}

// New makes a camera.
func New(c Config) *Camera {
	setDefault(&c.Width, 640)
	setDefault(&c.Height, 360)
	setDefault(&c.Interval, 3600)
	setDefault(&c.Bytes, 3000)
	setDefault(&c.KeyBytes, 4*c.Bytes)
	setDefault(&c.Payload, 1200)
	setDefault(&c.Temporal, 1)
	setDefault(&c.Spatial, 1)
	if c.PictureIDBits == 7 {
		c.PictureID &= 0x7f
	}
	p := picture{timestamp: c.Timestamp, id: c.PictureID & 0x7fff, tl0: c.TL0, keys: c.KeyIndex & 0x1f}
	return &Camera{Config: c, picture: p}
}

func setDefault[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

// patterns are the temporal layers of consecutive pictures, by their number.
var patterns = [][]int{{0}, {0, 1}, {0, 2, 1, 2}}

// Next makes the packets of the next picture: the first, or one that is asked for, is a key
// frame, with parameter sets where the codec has them. The packets are the caller's.
func (c *Camera) Next(key bool) []Packet {
	c.advance(key || !c.started)
	c.started = true
	var all []Packet
	for layer := range c.Spatial {
		all = append(all, c.layer(layer)...)
	}
	all[len(all)-1].Marker = true
	return all
}

// Skip lets n pictures' time pass in which the camera sends nothing.
func (c *Camera) Skip(n int) { c.picture.timestamp += uint32(n) * c.Interval }

// advance moves on to the next picture and settles what it needs.
func (c *Camera) advance(key bool) {
	p := &c.picture
	if c.started {
		p.number++
		p.timestamp += c.Interval
		p.id = (p.id + 1) & 0x7fff
		if c.PictureIDBits == 7 {
			p.id &= 0x7f
		}
	}
	if key {
		c.phase = 0
		if c.started {
			p.keys = (p.keys + 1) & 0x1f
		}
	}
	pattern := patterns[c.Temporal-1]
	p.key, p.temporal = key, pattern[c.phase%len(pattern)]
	c.phase++
	if p.temporal == 0 && c.started {
		p.tl0++
	}
	c.refer()
}

// refer has a picture need the last one of a lower layer, one of the base the one before it.
func (c *Camera) refer() {
	p := &c.picture
	p.needs, p.sync = c.lastOf[0], p.temporal > 0
	for t := 1; t < p.temporal; t++ {
		if c.lastOf[t] > p.needs {
			p.needs, p.sync = c.lastOf[t], false
		}
	}
	if p.key {
		p.needs = p.number
		c.lastOf = [3]uint32{p.number, p.number, p.number}
	}
	c.lastOf[p.temporal] = p.number
}

// discardable tells whether no other picture needs the current one.
func (c *Camera) discardable() bool {
	return c.Temporal > 1 && c.picture.temporal == c.Temporal-1
}

// marking is the content of the frame marking extension: of three bytes with layers, else
// of one.
func (c *Camera) marking(begin, end bool) []byte {
	if !c.Marking {
		return nil
	}
	m := flag(begin, 0x80) | flag(end, 0x40) | flag(c.picture.key, 0x20) | flag(c.discardable(), 0x10)
	if c.Temporal == 1 {
		return []byte{m}
	}
	return []byte{m | flag(c.picture.sync, 0x08) | byte(c.picture.temporal), 0, c.picture.tl0}
}

func flag(set bool, bits byte) byte {
	if set {
		return bits
	}
	return 0
}
