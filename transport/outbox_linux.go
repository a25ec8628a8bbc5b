package transport

import (
	"github.com/confd/confd/internal/uring"
	"github.com/confd/confd/media"
)

const (
	outboxPackets = 64
	outboxBytes   = 32 << 10 // more than as many of G.711, with SRTP and lists
)

// Outbox gathers what legs send and gives it to the kernel by one call: a media.Outbox, of one
// thread. It takes packets of connected legs; those of others leave at once.
type Outbox struct {
	ring   *uring.Ring
	mail   [outboxPackets]mail
	n      int // of mail
	used   int // of bytes
	posted media.Posted
	plain  [MaxDatagram]byte // a packet before it is encrypted
	bytes  [outboxBytes]byte
}

// mail is a packet that waits in an outbox.
type mail struct {
	leg     *Leg
	data    []byte
	payload int // bytes
	verdict verdict
}

// NewOutbox makes an outbox for the calling thread, whose goroutine is locked to it, for
// mixer.Config. The error says why this system has none: it needs io_uring of Linux 6.1.
func NewOutbox() (media.Outbox, error) {
	r, err := uring.New(outboxPackets)
	if err != nil {
		return nil, err
	}
	return &Outbox{ring: r}, nil
}

// post is Send by way of the thread's outbox; false if that cannot be.
func (l *Leg) post(o *media.Outgoing, ts uint32) bool {
	x, _ := o.Outbox.(*Outbox)
	if x == nil || !l.latch.connected {
		return false
	}
	b := l.assemble(x.space(l.crypto != nil), o, ts)
	if b == nil {
		return true
	}
	if b = l.crypto.seal(x.free(), b); b == nil {
		l.count.failed.Add(1)
		return true
	}
	x.add(l, b, len(o.Data))
	l.report.sent(len(o.Data))
	return true
}

// space returns where a packet is to be assembled, having made room for it.
func (x *Outbox) space(encrypted bool) []byte {
	if x.n == outboxPackets || len(x.bytes)-x.used < MaxDatagram {
		x.send()
	}
	if encrypted {
		return x.plain[:0]
	}
	return x.free()
}

func (x *Outbox) free() []byte { return x.bytes[x.used:x.used] }

// add takes a packet in that is written where free said.
func (x *Outbox) add(l *Leg, b []byte, payload int) {
	x.ring.Send(l.rtp.fd, b, uint64(x.n))
	x.mail[x.n] = mail{leg: l, data: b, payload: payload, verdict: ioDone}
	x.n++
	x.used += len(b)
}

// Flush implements media.Outbox.
func (x *Outbox) Flush() media.Posted {
	if x.n > 0 {
		x.send()
	}
	p := x.posted
	x.posted = media.Posted{}
	return p
}

// send empties the outbox, and counts for each leg what became of its packets. What the kernel
// did not take on, for lack of memory or because the ring fails, is sent packet by packet.
func (x *Outbox) send() {
	took := x.ring.Submit()
	for tag, reason, ok := x.ring.Failure(); ok; tag, reason, ok = x.ring.Failure() {
		x.mail[tag].verdict = judge(reason)
	}
	for i := range x.mail[:x.n] {
		m := &x.mail[i]
		if i >= took {
			m.verdict = m.leg.rtp.send(m.data)
		}
		m.leg.count.sent(m.verdict, m.payload)
		m.leg = nil
	}
	x.posted.Batches++
	x.posted.Packets += took
	x.posted.Singly += x.n - took
	x.n, x.used = 0, 0
}

// Close implements media.Outbox.
func (x *Outbox) Close() { x.ring.Close() }
