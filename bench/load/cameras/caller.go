//go:build linux

package cameras

import (
	"time"

	"github.com/confd/confd/bench/wire"
	"github.com/confd/confd/internal/clock"
)

// caller is one of the crew. Everything that changes belongs to who holds its thread's lock.
type caller struct {
	number, room int
	thread       *thread
	rtp, rtcp    *wire.Socket
	peer         Peer
	to           wire.Peer // of Peer's media
	live         bool
	due          int64 // when there is something to be done
	ssrc         uint32
	camera       *camera // nil: it only looks
	eye          *eye
	reportAt     int64
	refreshes    uint8 // FIRs that it sent
	counts       Counts
}

// connect has a caller send to p and take what comes from there.
func (c *caller) connect(p Peer) error {
	t := c.thread
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := c.rtp.Connect(p.Media); err != nil {
		return err
	}
	if err := c.rtcp.Connect(p.Control); err != nil {
		return err
	}
	now := clock.Now()
	again := c.live
	c.peer, c.to = p, wire.PeerOf(p.Media)
	c.live, c.due, c.reportAt = true, now, now
	if !again {
		c.eye.begin()
		if c.camera != nil {
			c.camera.begin(now)
		}
	}
	return nil
}

// turn does what is due, and notes when there will be something again.
func (c *caller) turn(now int64) {
	next := c.reportAt
	if c.camera != nil && c.peer.Shows {
		next = min(next, c.camera.turn(now))
	}
	if at := c.eye.turn(now); at != 0 {
		next = min(next, at)
	}
	if now >= c.reportAt {
		c.report(now)
		next = min(next, c.reportAt)
	}
	c.due = next
}

// wake has a caller looked at in this turn.
func (c *caller) wake() { c.due = 0 }

// reportEvery is how often a caller reports (RFC 3550 section 6.2 would have more callers
// report more rarely, if they heard each other).
const reportEvery = int64(time.Second)

// report sends what was sent and received, and who is meant by it.
func (c *caller) report(now int64) {
	for c.reportAt += reportEvery; c.reportAt <= now; {
		c.reportAt = now + reportEvery
	}
	c.send(nil, now)
}

// send sends a compound packet of a report and feedback, as RFC 3550 section 6.1 wants it.
func (c *caller) send(feedback func(b []byte) []byte, now int64) {
	b := c.thread.out[:0]
	var r *reception
	if c.eye.heard {
		r = c.eye.reception(now)
	}
	if m := c.camera; m != nil && m.packets > 0 {
		b = appendSenderReport(b, c.ssrc, m.sent(now), r)
	} else {
		b = appendReceiverReport(b, c.ssrc, r)
	}
	b = appendName(b, c.ssrc, c.number)
	if feedback != nil {
		b = feedback(b)
	}
	c.rtcp.Send(b)
}

// media takes a packet that came where RTP is expected.
func (c *caller) media(datagram []byte, at int64) {
	if len(datagram) >= 2 && datagram[1] >= 192 && datagram[1] <= 223 { // RFC 5761
		c.control(datagram, at)
		return
	}
	c.eye.take(datagram, at)
}

// control takes a compound packet of RTCP.
func (c *caller) control(datagram []byte, at int64) {
	var m message
	for {
		var ok bool
		if m, datagram, ok = readMessage(datagram); !ok {
			return
		}
		switch {
		case m.kind == kindSenderReport && len(m.body) >= 20:
			c.eye.reported(&m, at)
		case c.camera != nil:
			c.camera.feedback(&m)
		}
	}
}
