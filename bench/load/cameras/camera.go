//go:build linux

package cameras

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/load/video"
	"github.com/confd/confd/bench/wire"
)

// kept is how many packets a camera can send again, and may have on their way: two seconds of
// 1.2 Mbit/s. It is a power of two.
const kept = 256

// camera is what a caller shows.
type camera struct {
	of      *caller
	streams [2]*video.Stream
	player  *video.Player
	phase   int64 // of its pictures within the interval
	burst   bool

	repairSSRC       uint32
	sequence, repair uint16
	timestamp        uint32
	at               int64 // the last picture was handed out
	packets, octets  uint32

	history [kept]packet
	way     *fleet.Way // nil if nothing is impaired
	queue   [kept]departure
	first   int
	length  int
	last    int64 // when the last of the queue leaves

	asked     uint8 // number of the last FIR
	everAsked bool
}

// packet is one that was made, without its header's marker and number, which are beside it.
type packet struct {
	sequence  uint16
	timestamp uint32
	marker    bool
	length    int
	payload   [video.MaxPayload]byte
}

// departure is a packet on its way.
type departure struct {
	at       int64
	sequence uint16
}

func newCamera(w *Crew, c *caller, dice *rand.Rand) *camera {
	m := &camera{of: c, streams: w.streams, phase: dice.Int64N(int64(video.Interval)), burst: w.config.Burst,
		repairSSRC: dice.Uint32() | 1, sequence: uint16(dice.Uint32()) & 0x7fff, repair: uint16(dice.Uint32()) & 0x7fff}
	if i := w.config.Impair; i.Loss > 0 || i.Jitter > 0 || i.Reorder > 0 {
		m.way = i.NewWay(dice.Uint64())
	}
	return m
}

// begin has the camera show itself from a time on.
func (m *camera) begin(now int64) {
	m.player = video.NewPlayer(m.streams[0], uint32(m.of.number), now+m.phase)
	m.length, m.packets, m.octets, m.everAsked = 0, 0, 0, false
}

// spread is over how long the packets of a picture leave, where not at once.
const spread = int64(video.Interval / 2)

// turn sends what is due and returns when there is something again.
func (m *camera) turn(now int64) int64 {
	for m.player.Due() <= now && m.take(now) {
	}
	m.depart(now)
	next := m.player.Due()
	if m.length > 0 {
		next = min(next, m.queue[m.first].at)
	}
	return next
}

// take puts the next picture on its way; false if there is no room for it.
func (m *camera) take(now int64) bool {
	due := m.player.Due()
	over := spread
	if m.burst {
		over = 0
	}
	f := m.player.Next(due + over)
	m.at, m.timestamp = due, f.Timestamp
	c := &m.of.counts
	c.Pictures++
	for i, b := range f.Payloads {
		p := &m.history[m.sequence%kept]
		p.sequence, p.timestamp, p.marker = m.sequence, f.Timestamp, i == len(f.Payloads)-1
		p.length = copy(p.payload[:], b)
		m.enqueue(due + over*int64(i+1)/int64(len(f.Payloads)))
		m.sequence++
	}
	return m.length < kept/2
}

// enqueue puts the packet that was made last on its way, which may be its end.
func (m *camera) enqueue(at int64) {
	c := &m.of.counts
	if m.way != nil {
		if m.way.Lost() {
			c.Withheld++
			return
		}
		at += m.way.Delay()
	}
	if m.length == kept {
		c.GivenUp++
		return
	}
	m.last = max(m.last, at)
	m.queue[(m.first+m.length)%kept] = departure{m.last, m.sequence}
	if m.way != nil && m.length > 0 && m.way.Swapped() {
		a, b := &m.queue[(m.first+m.length-1)%kept], &m.queue[(m.first+m.length)%kept]
		a.sequence, b.sequence = b.sequence, a.sequence
	}
	m.length++
}

// depart sends what is due.
func (m *camera) depart(now int64) {
	o := m.of.thread.outbox
	for m.length > 0 && m.queue[m.first].at <= now {
		p := &m.history[m.queue[m.first].sequence%kept]
		if p.sequence == m.queue[m.first].sequence {
			m.write(p)
		}
		m.first = (m.first + 1) % kept
		m.length--
		if o.Full() {
			m.flush()
		}
	}
	m.flush()
}

// write puts a packet into the outbox.
func (m *camera) write(p *packet) {
	b := m.of.thread.outbox.Next()
	s := wire.Stream{SSRC: m.of.ssrc, Timestamp: p.timestamp, Sequence: p.sequence, PayloadType: m.of.peer.PayloadType | mark(p.marker)}
	s.Stamp(b, 0)
	n := wire.HeaderSize + copy(b[wire.HeaderSize:], p.payload[:p.length])
	m.packets++
	m.octets += uint32(p.length)
	m.of.thread.outbox.Add(n, m.of.to)
	m.of.counts.SentBytes += p.length
}

// writeAgain puts a repaired packet into the outbox: in a stream of its own if that was agreed
// on (RFC 4588 section 4).
func (m *camera) writeAgain(p *packet) {
	if m.of.peer.RTX == 0 {
		m.write(p)
		return
	}
	b := m.of.thread.outbox.Next()
	s := wire.Stream{SSRC: m.repairSSRC, Timestamp: p.timestamp, Sequence: m.repair, PayloadType: m.of.peer.RTX | mark(p.marker)}
	s.Stamp(b, 0)
	m.repair++
	binary.BigEndian.PutUint16(b[wire.HeaderSize:], p.sequence)
	n := wire.HeaderSize + 2 + copy(b[wire.HeaderSize+2:], p.payload[:p.length])
	m.of.thread.outbox.Add(n, m.of.to)
}

func mark(marker bool) uint8 {
	if marker {
		return 0x80
	}
	return 0
}

// flush sends what is in the outbox.
func (m *camera) flush() {
	o := m.of.thread.outbox
	if n := o.Len(); n > 0 {
		taken := o.Send(m.of.rtp)
		for i := range n {
			if taken&(1<<i) != 0 {
				m.of.counts.Sent++
			} else {
				m.of.counts.Refused++
			}
		}
	}
}

// feedback does what the server asks for.
func (m *camera) feedback(f *message) {
	c := m.of
	if m.player == nil || !c.peer.Shows {
		return
	}
	switch {
	case f.kind == kindTransport && f.format == formatNACK && f.media == c.ssrc:
		m.resend(f.body)
	case f.kind == kindPayload && f.format == formatPLI && f.media == c.ssrc:
		c.counts.KeyFramesAsked++
		m.player.KeyFrame()
	}
	if number, ok := f.refresh(c.ssrc); ok && (!m.everAsked || number != m.asked) {
		m.asked, m.everAsked = number, true
		c.counts.KeyFramesAsked++
		m.player.KeyFrame()
	}
	if bits, ok := f.limit(c.ssrc); ok {
		m.limit(bits, f.kind == kindTransport)
	}
}

// resend sends what a NACK names again, as far as it is still there.
func (m *camera) resend(body []byte) {
	m.of.counts.NACKsTaken++
	for ; len(body) >= 4; body = body[4:] {
		first, mask := binary.BigEndian.Uint16(body), uint32(binary.BigEndian.Uint16(body[2:]))<<1|1
		for i := uint16(0); mask != 0; i, mask = i+1, mask>>1 {
			if mask&1 != 0 {
				m.again(first + i)
			}
		}
	}
	m.flush()
}

func (m *camera) again(sequence uint16) {
	p := &m.history[sequence%kept]
	if p.sequence != sequence || p.length == 0 {
		return
	}
	m.of.counts.Resent++
	if m.way != nil && m.way.Lost() {
		m.of.counts.Withheld++
		return
	}
	m.writeAgain(p)
	if m.of.thread.outbox.Full() {
		m.flush()
	}
}

// limit keeps to what the server can take, as far as there is a stream for it, and says so if
// it was asked by TMMBR (RFC 5104 section 4.2.1.2).
func (m *camera) limit(bits uint64, answer bool) {
	s := m.streams[0]
	if bits < uint64(s.Bitrate) {
		s = m.streams[1]
	}
	if s != m.streams[0] {
		m.of.counts.Limited++
	}
	m.player.Switch(s)
	if answer {
		m.of.send(func(b []byte) []byte { return appendTMMBN(b, m.of.ssrc, bits) }, m.at)
	}
}

// sent is what a sender report says.
func (m *camera) sent(now int64) sending {
	ahead := uint32((now - m.at) * int64(video.Ticks) / int64(video.Interval))
	return sending{now: time.Now().UnixNano(), timestamp: m.timestamp + ahead, packets: m.packets, octets: m.octets}
}
