//go:build linux

package floor

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/confd/confd/bench/coding"
	"github.com/confd/confd/bench/wire"
	"github.com/confd/confd/media"
)

// Period is the time between ticks, and the sound in a packet.
const Period = 20 * time.Millisecond

// Config is what is mixed and how.
type Config struct {
	Codec     media.Codec // PCMU or Opus
	Rooms     int         // over which Serve spreads the peers evenly, in their order; 0 is one
	Talkers   int         // the K of the K loudest of a room
	DecodeAll bool        // Opus: decode every leg to learn its level; else the first Talkers legs are the talkers
	Opus      coding.Opus // Opus: of every encoder
	Check     bool        // Run alternates blocks of ticks with blocks of bare calls and times both
}

// PayloadType returns the RTP payload type that the legs receive and send.
func (c Config) PayloadType() uint8 {
	if c.Codec == media.Opus {
		return 111
	}
	return 0
}

// leg is one caller's media.
type leg struct {
	socket  *wire.Socket
	stream  wire.Stream
	buffer  [1500]byte
	payload []byte // of this tick's packet, in buffer; nil if none came
	level   int32  // mean magnitude, falling slowly
	class   int    // whose sound it hears: 0 the full mix, else 1 + its place among the talkers
	pcm     []int16
}

// class is one encoded mix.
type class struct {
	pcm    []int16
	packet [1500]byte // space for a header, then the payload
	size   int        // of header and payload
}

// Mixer is one room. Everything but Local and Peers belongs to one goroutine.
type Mixer struct {
	config  Config
	codec   codec
	legs    []*leg
	talkers []*leg // by place; nil where nobody speaks
	sum     []int32
	classes []class // the full mix, then the mix less each talker
	ticks   uint32  // RTP timestamp units in a packet
}

// New opens a socket for each peer, connected to it. Peers are loopback addresses.
func New(config Config, peers []netip.AddrPort) (*Mixer, error) {
	c, err := newCodec(config, len(peers))
	if err != nil {
		return nil, err
	}
	if config.Talkers < 1 {
		return nil, fmt.Errorf("floor: %d talkers: want at least 1", config.Talkers)
	}
	m := &Mixer{
		config:  config,
		codec:   c,
		talkers: make([]*leg, config.Talkers),
		sum:     make([]int32, c.samples()),
		classes: make([]class, 1+config.Talkers),
		ticks:   uint32(c.samples()), // both codecs' RTP clocks count samples
	}
	for i := range m.classes {
		m.classes[i].pcm = make([]int16, c.samples())
	}
	for i, peer := range peers {
		l, err := newLeg(i, peer, config.PayloadType(), c.samples())
		if err != nil {
			m.Close()
			return nil, err
		}
		m.legs = append(m.legs, l)
	}
	m.fixTalkers()
	return m, nil
}

func newLeg(i int, peer netip.AddrPort, payloadType uint8, samples int) (*leg, error) {
	socket, err := wire.Listen()
	if err != nil {
		return nil, fmt.Errorf("floor: leg %d: %w", i, err)
	}
	if err := socket.Connect(peer); err != nil {
		socket.Close()
		return nil, fmt.Errorf("floor: leg %d: %w", i, err)
	}
	return &leg{
		socket: socket,
		stream: wire.Stream{SSRC: 0xf1000000 + uint32(i), PayloadType: payloadType},
		pcm:    make([]int16, samples),
	}, nil
}

// Local returns the address of leg i.
func (m *Mixer) Local(i int) netip.AddrPort { return m.legs[i].socket.Local() }

// Close frees the sockets.
func (m *Mixer) Close() {
	for _, l := range m.legs {
		l.socket.Close()
	}
}
