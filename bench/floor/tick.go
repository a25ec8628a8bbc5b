//go:build linux

package floor

import (
	"math"

	"github.com/confd/confd/bench/coding"
	"github.com/confd/confd/bench/wire"
	"github.com/confd/confd/media"
)

// Tick takes one packet from each leg, mixes, and sends one packet to each.
func (m *Mixer) Tick() {
	m.receive()
	m.choose()
	m.mix()
	m.encode()
	for _, l := range m.legs {
		c := &m.classes[l.class]
		l.stream.Stamp(c.packet[:], m.ticks)
		l.socket.Send(c.packet[:c.size])
	}
}

// Bare makes the same system calls and codec calls as Tick would and nothing else: what
// it sends is last tick's sound.
func (m *Mixer) Bare() {
	for i, l := range m.legs {
		n := l.socket.Receive(l.buffer[:])
		l.payload = l.buffer[min(n, wire.HeaderSize):n]
		if len(l.payload) > 0 && (l.class > 0 || m.decodesAll()) {
			m.codec.decode(i, l.pcm, l.payload)
		}
	}
	m.encode()
	for _, l := range m.legs {
		c := &m.classes[l.class]
		l.socket.Send(c.packet[:c.size])
	}
}

func (m *Mixer) decodesAll() bool { return m.config.Codec == media.Opus && m.config.DecodeAll }

func (m *Mixer) choosesByLevel() bool { return m.config.Codec == media.PCMU || m.config.DecodeAll }

// receive takes a packet from each leg and judges how loud it is. A level falls by a
// sixteenth each tick, so that a pause between words does not cost a talker its place.
func (m *Mixer) receive() {
	for i, l := range m.legs {
		l.level -= (l.level + 15) >> 4
		n := l.socket.Receive(l.buffer[:])
		l.payload = wire.Payload(l.buffer[:n])
		switch {
		case len(l.payload) == 0:
		case m.config.Codec == media.PCMU:
			l.level = max(l.level, ulawLevel(l.payload))
		case m.config.DecodeAll:
			m.codec.decode(i, l.pcm, l.payload)
			l.level = max(l.level, level(l.pcm))
		}
	}
}

// ulawLevel is the mean magnitude of a payload, by table, without decoding it.
func ulawLevel(codes []byte) int32 {
	var a, b uint32
	for i := 0; i+1 < len(codes); i += 2 {
		a += uint32(coding.Magnitude[codes[i]])
		b += uint32(coding.Magnitude[codes[i+1]])
	}
	return int32((a + b) / uint32(len(codes)))
}

func level(pcm []int16) int32 {
	var sum int32
	for _, x := range pcm {
		sum += int32(max(x, -x))
	}
	return sum / int32(len(pcm))
}

// fixTalkers seats the first legs where levels do not choose.
func (m *Mixer) fixTalkers() {
	if m.choosesByLevel() {
		return
	}
	for place := range min(len(m.talkers), len(m.legs)) {
		m.seat(place, m.legs[place])
	}
}

// choose gives the places of the talkers to the loudest legs. Who keeps a place keeps its
// encoder.
func (m *Mixer) choose() {
	if !m.choosesByLevel() {
		return
	}
	for _, l := range m.legs {
		if l.class > 0 || l.level == 0 {
			continue
		}
		if place, quietest := m.quietest(); l.level > quietest {
			m.seat(place, l)
		}
	}
}

// quietest returns the place of the talkers that is easiest to win, and the level to beat.
func (m *Mixer) quietest() (place int, quietest int32) {
	quietest = math.MaxInt32
	for i, t := range m.talkers {
		if t == nil {
			return i, 0
		}
		if t.level < quietest {
			place, quietest = i, t.level
		}
	}
	return place, quietest
}

func (m *Mixer) seat(place int, l *leg) {
	if was := m.talkers[place]; was != nil {
		was.class = 0
	}
	m.talkers[place], l.class = l, 1+place
}

// mix sums the talkers and takes from the sum what each of them added.
func (m *Mixer) mix() {
	clear(m.sum)
	for i, l := range m.legs {
		if l.class == 0 {
			continue
		}
		if len(l.payload) == 0 {
			clear(l.pcm)
		} else if !m.decodesAll() {
			m.codec.decode(i, l.pcm, l.payload)
		}
		add(m.sum, l.pcm)
	}
	narrow(m.classes[0].pcm, m.sum)
	for place, t := range m.talkers {
		if t != nil {
			less(m.classes[1+place].pcm, m.sum, t.pcm)
		}
	}
}

// encode makes each class's packet that somebody hears.
func (m *Mixer) encode() {
	talkers := 0
	for _, t := range m.talkers {
		if t != nil {
			talkers++
		}
	}
	for i := range m.classes {
		if i == 0 && talkers == len(m.legs) || i > 0 && m.talkers[i-1] == nil {
			continue
		}
		c := &m.classes[i]
		c.size = wire.HeaderSize + m.codec.encode(i, c.packet[wire.HeaderSize:], c.pcm)
	}
}

func add(sum []int32, pcm []int16) {
	pcm = pcm[:len(sum)]
	for i, x := range pcm {
		sum[i] += int32(x)
	}
}

func narrow(dst []int16, sum []int32) {
	dst = dst[:len(sum)]
	for i, x := range sum {
		dst[i] = saturate(x)
	}
}

func less(dst []int16, sum []int32, own []int16) {
	dst, own = dst[:len(sum)], own[:len(sum)]
	for i, x := range sum {
		dst[i] = saturate(x - int32(own[i]))
	}
}

func saturate(x int32) int16 { return int16(min(max(x, math.MinInt16), math.MaxInt16)) }
