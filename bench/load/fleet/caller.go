//go:build linux

package fleet

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/confd/confd/bench/load/signal"
	"github.com/confd/confd/bench/wire"
)

// caller is one of the fleet. Everything that changes belongs to who holds its thread's lock.
type caller struct {
	number int
	seat   int
	room   *room
	thread *thread
	rank   int     // in a slot: 0 a talker, 1 another
	after  *caller // in its slot

	socket *wire.Socket
	post   *post     // whose the socket is; nil if it is the caller's own
	peer   wire.Peer // where a post's packets to the caller come from, and the caller's go
	track  *track    // what a talker says; nil of a silent caller
	quiet  *track    // the track of silence
	phase  int64     // of its packets within the packet time
	period int64     // from packet to packet, by its own clock

	live      bool  // connected
	placed    bool  // in the wheel
	due       int64 // when its next packet is
	index     int64 // of that packet: whole packet times from the room's epoch
	speakFrom int64 // before that a talker says nothing
	spoke     int64 // when a talker last stopped
	begun     bool  // its first packet was sent

	ssrc      uint32
	stamp     uint32
	next      uint16
	kind      uint8 // payload types
	event     uint8
	ticks     uint32
	extension uint8 // wire.Extended, if sound has a header extension, else 0
	link      *link // nil if nothing is impaired
	dial      *dial // nil if no key is pressed
	visits    uint8

	// Of a talker, Fleet.mu:
	talking   signal.Talk
	announced bool // its room's ears know
	// Of all, Fleet.mu:
	turns int  // that it had an ear
	sound bool // an ear that it no longer has judged something in this window

	wrong wrong // belongs to who holds the lock of its room's listener

	connected int64 // when
	first     atomic.Int64
	reception reception
	compare   comparison
	counts    Counts
	tap       *tap // to its ear; nil if it has none
}

// maxBehind is how many packets that are late are caught up.
const maxBehind = 5

// catchUp gives up the packets that are too late, and their time with them.
func (c *caller) catchUp(now int64) {
	n := (now-c.due)/c.period - maxBehind
	if n <= 0 {
		return
	}
	c.counts.GivenUp += int(n)
	c.due += n * c.period
	c.index += n
	c.stamp += uint32(n) * c.ticks
}

// compose returns the packet that is due, and false if there is none because of a pause.
func (c *caller) compose() (p packet, ok bool) {
	p = packet{at: c.due, stamp: c.stamp, kind: silent}
	t := c.quiet
	if c.track != nil && c.due >= c.speakFrom {
		t, p.kind = c.track, said
	}
	p.what = uint32(c.index % int64(t.length()))
	sends := t.sends[p.what]
	if sends == beginner || !c.begun {
		p.kind |= marked
	}
	ok = sends != leftOut || !c.begun
	if c.dial != nil && c.dial.press(c, &p) {
		ok = true
	}
	c.due += c.period
	c.index++
	c.stamp += c.ticks
	if ok {
		c.begun = true
		p.number = c.next
		c.next++
	}
	return p, ok
}

// write sends one packet.
func (c *caller) write(t *thread, p *packet) {
	if c.post != nil {
		t.send(c, p)
		return
	}
	c.count(t, c.socket.Send(t.out[:c.fill(t.out[:], p)]))
}

// count counts a packet that the kernel took, or did not.
func (c *caller) count(t *thread, taken bool) {
	if taken {
		c.counts.Sent++
		t.sent++
	} else {
		c.counts.Refused++
	}
}

// fill writes a packet, and returns its length.
func (c *caller) fill(b []byte, p *packet) (n int) {
	b[0], b[1] = 0x80, c.kind
	n = wire.HeaderSize
	switch p.kind &^ marked {
	case said:
		b[0] |= c.extension
		n += copy(b[n:], c.track.payload(p.what))
	case silent:
		b[0] |= c.extension
		n += copy(b[n:], c.quiet.payload(p.what))
	case event:
		b[1] = c.event
		binary.BigEndian.PutUint32(b[n:], p.what)
		n += 4
	}
	if p.kind&marked != 0 {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], p.number)
	binary.BigEndian.PutUint32(b[4:], p.stamp)
	binary.BigEndian.PutUint32(b[8:], c.ssrc)
	return n
}

// visit sends what is due and takes what has come. It returns when to come again.
func (c *caller) visit(t *thread, now int64) int64 {
	if now >= c.due {
		c.catchUp(now)
		t.late.add(now - c.due)
		if p, ok := c.compose(); !ok {
			if c.link != nil {
				c.link.release(p.at)
			}
		} else if c.link == nil {
			c.write(t, &p)
		} else if !c.link.take(p) {
			c.counts.Withheld++
		}
		if c.post == nil {
			c.drain(t, now)
		}
	}
	if c.link == nil {
		return c.due
	}
	for p, ok := c.link.next(); ok; p, ok = c.link.next() {
		if p.at > now {
			return min(p.at, c.due)
		}
		c.write(t, &p)
		c.link.pop()
	}
	return c.due
}

const (
	// A packet comes for each that is sent, so that one is taken at a visit, and only every
	// few it is asked for more: each time that there is none costs a third of a packet.
	askForMore = 8
	maxDrain   = 64 // packets at a visit
)

func (c *caller) drain(t *thread, now int64) {
	most := 1
	if c.visits++; c.visits%askForMore == 0 || c.tap != nil {
		most = maxDrain
	}
	for ; most > 0; most-- {
		n, arrival := 0, int64(0)
		if c.tap != nil {
			n, arrival = c.socket.ReceiveStamped(t.in[:])
		} else {
			n = c.socket.Receive(t.in[:])
		}
		if n == 0 {
			return
		}
		if arrival != 0 {
			arrival -= t.offset
		}
		c.take(t, t.in[:n], arrival, now)
	}
}

// take counts one datagram. Its arrival is 0 if it is not known.
func (c *caller) take(t *thread, datagram []byte, arrival, now int64) {
	h, payload := parse(datagram)
	if payload == nil {
		if isRTCP(datagram) {
			c.counts.RTCP++
		} else {
			c.counts.Unparsable++
		}
		return
	}
	if c.first.Load() == 0 {
		c.first.Store(now)
	}
	t.received++
	c.counts.Received++
	lost := c.counts.Lost
	number, o := c.reception.take(h.ssrc, h.number, &c.counts)
	t.lost += int64(c.counts.Lost - lost)
	c.sort(h.kind)
	if o == again {
		return
	}
	if arrival != 0 && h.kind == c.kind {
		c.reception.spread(arrival, h.stamp, t.clockRate)
	}
	c.judge(t, h, number, o, payload, arrival, now)
}

// sort counts what is not sound as agreed.
func (c *caller) sort(kind uint8) {
	switch {
	case kind == c.kind:
	case kind == comfortNoise:
		c.counts.Comfort++
	case kind == c.event && c.event != 0:
		c.counts.Events++
	default:
		c.counts.Foreign++
	}
}

// judge hands a packet to the caller's ear, or compares it with the reference's.
func (c *caller) judge(t *thread, h header, number uint32, o outcome, payload []byte, arrival, now int64) {
	g := c.room.guide.Load()
	if c.tap != nil {
		if arrival == 0 {
			arrival = now
		}
		t.arrived = arrived{ear: c.tap.ear, round: c.tap.round, at: arrival, ssrc: h.ssrc, number: number, stamp: h.stamp,
			kind: h.kind, payload: payload}
		c.tap.ring.push(&t.arrived)
		if g != nil && c.room.leader.Load() == int64(c.number) {
			g.note(number, hashOf(payload))
			return
		}
	}
	if c.track != nil {
		return
	}
	if o == begins {
		c.compare.begin(number)
	}
	c.compare.note(g, number, hashOf(payload), &c.counts)
}

// wrong is how often a caller's ears found what it should not hear.
type wrong struct{ own, unexpected int }
