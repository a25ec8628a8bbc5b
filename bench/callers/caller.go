//go:build linux

package callers

import (
	"sync/atomic"

	"github.com/confd/confd/bench/wire"
)

// Counts are a caller's packets in a window.
type Counts struct {
	Sent, Received int
	Lost           int // numbers missing in what was received
	Disordered     int // numbers that came late or twice
}

func (c *Counts) add(d Counts) {
	c.Sent += d.Sent
	c.Received += d.Received
	c.Lost += d.Lost
	c.Disordered += d.Disordered
}

// caller is one phone. All but live belongs to the thread of Run.
type caller struct {
	socket *wire.Socket
	stream wire.Stream
	live   atomic.Bool // connected; set once
	talker int         // its number among the talkers of its room, or -1
	ear    bool        // listens for its room's marks
	phase  int64       // of its sends within the period, nanoseconds
	loop   loop
	next   int // packet of loop
	counts Counts
	expect uint16 // next sequence number
	marks  *marks // of its room, nil if there are none
	kept   [][]byte
	keep   int // how many payloads it keeps at most
	out    [1500]byte
}

// step sends the packet that is due and takes what has come since the last one.
func (c *caller) step(ticks uint32, in []byte) {
	if sound := c.loop[c.next]; sound == nil {
		c.stream.Timestamp += ticks
	} else {
		c.send(sound, ticks)
	}
	if c.next++; c.next == len(c.loop) {
		c.next = 0
	}
	if c.ear {
		for n, at := c.socket.ReceiveStamped(in); n > 0; n, at = c.socket.ReceiveStamped(in) {
			c.take(in[:n])
			c.marks.hear(at, wire.Payload(in[:n]))
		}
		return
	}
	for n := c.socket.Receive(in); n > 0; n = c.socket.Receive(in) {
		c.take(in[:n])
	}
}

func (c *caller) send(sound []byte, ticks uint32) {
	c.stream.Stamp(c.out[:], ticks)
	n := wire.HeaderSize + copy(c.out[wire.HeaderSize:], sound)
	if c.marks != nil && c.talker >= 0 {
		c.marks.put(wire.Realtime(), c.talker, c.out[wire.HeaderSize:n])
	}
	if c.socket.Send(c.out[:n]) {
		c.counts.Sent++
	}
}

// take counts one packet, and keeps its payload if it was asked to.
func (c *caller) take(packet []byte) {
	payload := wire.Payload(packet)
	if payload == nil {
		return
	}
	sequence := wire.Sequence(packet)
	if c.counts.Received > 0 {
		switch gap := int16(sequence - c.expect); {
		case gap > 0:
			c.counts.Lost += int(gap)
		case gap < 0:
			c.counts.Disordered++
		}
	}
	c.counts.Received++
	c.expect = sequence + 1
	if len(c.kept) < c.keep {
		c.kept = append(c.kept, append([]byte(nil), payload...))
	}
}
