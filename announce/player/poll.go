package player

import (
	"encoding/binary"
	"time"

	"github.com/confd/confd/media"
)

// phase is where the media thread is in the sound.
type phase uint8

const (
	playing  phase = iota
	trailing       // silence, until the mixer's buffer holds nothing else
	ending         // one packet that announces a pause, so that nothing is concealed
	over
)

// stallTime is how late a poll or the reader may be before the stream begins anew: the
// mixer would have to throw away what it could not play meanwhile.
const stallTime = int64(100 * time.Millisecond)

// silent is a comfort noise packet of the lowest level (RFC 3389 section 3).
var silent = []byte{byte(media.Silence)}

// pace belongs to the media thread.
type pace struct {
	packet  media.Packet // the next, reused
	phase   phase
	started bool
	starved bool
	due     int64 // when the next packet is, monotonic ns
	period  int64 // of packets, ns
	lead    int64 // how much earlier than needed they are due, ns
	samples int   // of a packet
	fading  int   // samples of the fade that are left, of
	fade    int
	trail   int // packets of silence left
	silence []byte
}

func (c *pace) init(p *Player, tick time.Duration) {
	f := p.format
	c.period, c.samples = int64(f.PacketTime), f.Samples(f.PacketTime)
	// Three quarters of a tick: a tick that is late by less than that changes nothing, and
	// the first takes no more than it needs.
	c.lead = int64(tick) * 3 / 4
	c.fade = f.Samples(fadeTime)
	c.fading = c.fade
	c.trail = int(trailTime / f.PacketTime)
	c.silence = make([]byte, 2*c.samples)
	c.packet.SSRC = newSSRC()
	c.packet.Marker = true
}

// Poll implements media.Source: it hands over the packets that are due. They are stamped
// with when they were due, not with when they were fetched, so that the mixer sees an
// even stream whatever its ticks do.
func (p *Player) Poll(now int64, limit int, to media.Receiver) int {
	c := &p.pace
	if c.phase == over || p.closed.Load() {
		return 0
	}
	if p.stopping.Load() && !c.started {
		c.phase = over // nothing was heard: nothing to fade
		p.over.Store(true)
		return 0
	}
	if !p.settle(now) {
		return 0
	}
	n := 0
	for n < limit && c.phase != over && c.due <= now && p.hand(to) {
		n++
	}
	return n
}

// settle moves the time of the next packet where that has become impossible. It is false
// as long as there is nothing to hand over.
func (p *Player) settle(now int64) bool {
	c := &p.pace
	if c.phase == playing && p.ring.len() == 0 && !p.stopping.Load() {
		p.starve(now)
		return false
	}
	late := now - c.due - c.lead
	switch {
	case !c.started:
	case late > stallTime:
		c.packet.SSRC++ // another stream: of this one nothing is late
		c.packet.Marker = true
	case !c.starved || late < 0:
		return true
	}
	c.due, c.started, c.starved = now-c.lead, true, false
	return true
}

// starve counts once that sound was due and not there.
func (p *Player) starve(now int64) {
	c := &p.pace
	if c.started && !c.starved && c.due <= now {
		c.starved = true
		p.underruns.Add(1)
	}
}

// hand gives one packet away, if there is one.
func (p *Player) hand(to media.Receiver) bool {
	c := &p.pace
	switch c.phase {
	case playing:
		return p.handSound(to)
	case trailing:
		c.trail--
		if c.trail <= 0 {
			c.phase = ending
		}
		c.deliver(to, PayloadType, c.silence)
	case ending:
		c.phase = over
		c.deliver(to, ComfortNoisePayloadType, silent)
		p.over.Store(true)
	}
	return true
}

func (p *Player) handSound(to media.Receiver) bool {
	c := &p.pace
	s := p.ring.front()
	if s == nil {
		if p.stopping.Load() {
			c.phase = trailing // nothing to fade
			return p.hand(to)
		}
		p.starve(c.due)
		return false
	}
	if p.stopping.Load() {
		c.weaken(s.payload)
	}
	if s.last || c.fading == 0 {
		c.phase = trailing
	}
	c.deliver(to, PayloadType, s.payload)
	p.position.Add(int64(s.samples))
	p.ring.pop()
	return true
}

// weaken applies the next part of the fade.
func (c *pace) weaken(payload []byte) {
	be := binary.BigEndian
	for i := 0; i < len(payload); i += 2 {
		c.fading = max(c.fading-1, 0)
		v := int(int16(be.Uint16(payload[i:])))
		be.PutUint16(payload[i:], uint16(int16(v*c.fading/c.fade)))
	}
}

// deliver stamps a packet and moves on.
func (c *pace) deliver(to media.Receiver, pt uint8, payload []byte) {
	k := &c.packet
	k.Arrival, k.PayloadType, k.Payload = c.due, pt, payload
	to.Receive(k)
	k.Sequence++
	k.Timestamp += uint32(c.samples)
	k.Marker = false
	c.due += c.period
}
