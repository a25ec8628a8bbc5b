package ingress

import (
	"fmt"

	"github.com/confd/confd/forwarder/payload"
	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
)

// Limits of Config.Packets, and what 0 stands for.
const (
	MinPackets     = 64
	MaxPackets     = 8192
	DefaultPackets = 1024
)

// Config is what a Stream is made for.
type Config struct {
	Codec media.VideoCodec
	NACK  bool // the source takes requests for lost packets (RFC 4585 section 6.2.1)
	// Packets is how many the ring holds at most, MinPackets to MaxPackets, rounded up to a
	// power of two; 0 is DefaultPackets. A picture may have half as many.
	Packets int
}

// Stream is one encoding of one source. One worker owns it.
type Stream struct {
	config  Config
	ring    ring
	losses  losses
	highest uint64 // newest extended sequence number
	started bool
	rival   rival

	picture picture
	damage  damage
	sets    sets
	turn    turn
	handed  Frame // what Next returned last

	meter meter
	keys  keys
	stats Stats
}

// New makes a Stream; it takes no memory for packets before the first comes. An error says
// which part of the configuration is wrong.
func New(c Config) (*Stream, error) {
	if c.Codec < media.VP8 || c.Codec > media.AV1 {
		return nil, fmt.Errorf("ingress: %v cannot be forwarded, want vp8, vp9, h264, h265 or av1", c.Codec)
	}
	if c.Packets == 0 {
		c.Packets = DefaultPackets
	}
	if c.Packets < MinPackets || c.Packets > MaxPackets {
		return nil, fmt.Errorf("ingress: a ring of %d packets, want %d to %d", c.Packets, MinPackets, MaxPackets)
	}
	s := &Stream{config: c}
	for s.ring.bound = MinPackets; s.ring.bound < c.Packets; {
		s.ring.bound *= 2
	}
	s.losses.time(0, c.NACK)
	s.sets.codec = c.Codec
	s.begin()
	return s, nil
}

// Codec returns what the Stream was made for.
func (s *Stream) Codec() media.VideoCodec { return s.config.Codec }

// Packet returns what the ring has under an extended sequence number; false once it was
// overwritten, or where it never came. It is valid until the next Put.
func (s *Stream) Packet(ext uint64) (*Packet, bool) {
	if p := s.ring.at(ext); p != nil && !p.bad {
		return &p.Packet, true
	}
	return nil, false
}

// Reset is for a source that begins anew, as when its SSRC changes: what is incomplete is
// dropped, and nothing but a key frame can be decoded next. The ring is kept, extended
// numbers go on, with a gap.
func (s *Stream) Reset() {
	s.stats.Resets++
	s.begin()
}

// begin waits for the first packet of a source.
func (s *Stream) begin() {
	s.stats.Lost += s.losses.forget(^uint64(0))
	if s.picture.open {
		s.stats.GivenUp++
	}
	s.started = false
	s.rival = rival{}
	s.picture = picture{}
	s.damage = damage{harm: intact}
	s.turn = turn{}
	s.sets.clear()
}

// Put takes a packet, which it copies. Whatever is wrong with it is counted.
func (s *Stream) Put(p *transport.VideoPacket) {
	s.stats.Packets++
	s.stats.Bytes += uint64(len(p.Payload))
	ext, ok := s.place(p)
	if !ok {
		return
	}
	if !s.ring.fit(s.needed(), ext, p.Arrival) {
		s.stats.Overruns++
		s.skip(ext - uint64(s.ring.bound)/2)
	}
	one := &s.ring.slots[ext&s.ring.mask]
	s.store(one, ext, p)
	s.settle(one)
	s.turn.note(one)
	s.keys.note(one)
	s.meter.add(one)
}

// store writes a packet into its slot.
func (s *Stream) store(to *slot, ext uint64, p *transport.VideoPacket) {
	to.ext, to.arrival, to.bad = ext, p.Arrival, false
	to.Timestamp, to.Marker = p.Timestamp, p.Marker
	to.Info = payload.Info{}
	to.Payload = to.memory[:copy(to.memory[:], p.Payload)]
	switch {
	case len(p.Payload) == 0:
		s.stats.Padding++
	case len(p.Payload) > SlotSize:
		s.stats.Oversized++
		to.bad = true
	case payload.Read(s.config.Codec, to.Payload, p.FrameMarking, &to.Info) != nil:
		s.stats.Malformed++
		to.Info, to.bad = payload.Info{}, true
	default:
		splice(s.config.Codec, to.Payload)
	}
}

// settle takes a packet off what is missing.
func (s *Stream) settle(p *slot) {
	if p.ext > s.highest {
		s.stats.Lost += s.losses.notice(s.highest+1, p.ext, p.arrival)
		s.highest = p.ext
		return
	}
	one, ok := s.losses.found(p.ext)
	switch {
	case ok && one.tries > 0:
		s.stats.Repaired++
	case ok:
		s.stats.Reordered++
	}
}
