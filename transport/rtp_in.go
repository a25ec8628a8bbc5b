package transport

import (
	"net/netip"
	"time"

	"github.com/confd/confd/media"
)

// Bounds of one poll, in packets read that lead to nothing.
const (
	spareReads  = 64  // beyond the caller's limit, once the kernel drops strangers
	openReads   = 512 // before: a full socket buffer holds 256 small packets
	cryptoReads = 64  // before, if each has to be authenticated
	controlTurn = 10  // polls between two looks at the RTCP socket
)

// Poll implements media.Source: it hands over what has arrived, oldest first, and does
// what RTCP and latching have to do by now. It makes no more than about limit + 512 system
// calls, and none that blocks. Payloads are valid until the receiver returns.
func (l *Leg) Poll(now int64, limit int, to media.Receiver) int {
	if l.closed.Load() || l.setup == nil || limit < 1 {
		return 0
	}
	stamps.keep(now)
	m := scratches.Get().(*scratch)
	n := l.drain(m, now, limit, to)
	l.watch(now)
	l.watchUnheard(now)
	l.pollControl(m, now)
	scratches.Put(m)
	l.lastPoll = now
	return n
}

// drain reads the RTP socket.
func (l *Leg) drain(m *scratch, now int64, limit int, to media.Receiver) int {
	delivered, read := 0, 0
	for bound := limit + l.spare(); delivered < limit && read < bound; {
		if v := l.rtp.recv(m, l.latch.unsure()); v == ioEmpty {
			l.latch.purging = false
			l.cadence.drained(read)
			l.fullPolls = 0
			return delivered
		} else if v != ioDone {
			read++
			l.count.sent(v, 0)
			continue
		}
		arrival := stamps.arrival(m.stamp, now)
		expected := l.lastIn + 1
		if l.ingest(m, arrival, to) {
			delivered++
		}
		if read++; read == 1 && l.cadence.enough(arrival, l.lastPoll, l.lastIn == expected) {
			l.fullPolls = 0
			return delivered
		}
	}
	l.cadence.cut()
	l.overrun(m, now)
	return delivered
}

// spare returns how many reads may lead to nothing.
func (l *Leg) spare() int {
	switch {
	case !l.latch.unsure():
		return spareReads
	case l.crypto != nil && l.latch.mode == latchOpen:
		return cryptoReads
	}
	return openReads
}

// overrun bounds the lag of a leg whose peer sends more than the tick takes: from the
// second poll in a row that hits its limit on, what is left goes unheard.
func (l *Leg) overrun(m *scratch, now int64) {
	if l.fullPolls++; l.fullPolls < 2 || l.latch.mode == latchOpen {
		return
	}
	for range spareReads {
		if l.rtp.recv(m, l.latch.unsure()) != ioDone {
			return
		}
		if !l.latch.unsure() {
			l.hear(l.latch.remote.Addr(), now)
		}
		l.drop(dropOverrun)
	}
}

func (l *Leg) drop(r dropReason) bool {
	l.count.dropped[r].Add(1)
	return false
}

// ingest takes one datagram off the RTP socket and tells whether it was handed over.
func (l *Leg) ingest(m *scratch, arrival int64, to media.Receiver) bool {
	payload, ok := l.unpack(m, arrival)
	return ok && l.accept(m, payload, l.plan.rate, arrival, to)
}

// unpack reads a datagram off the RTP socket. False: it was no packet of the peer under a
// payload type that was agreed on; then it was dropped, or was RTCP.
func (l *Leg) unpack(m *scratch, arrival int64) (payload []byte, ok bool) {
	if m.truncated {
		return nil, l.drop(dropTooLong)
	}
	if isControl(m.data) && l.plan.mux {
		l.control(m, arrival)
		return nil, false
	}
	h := &m.head
	if !parseHeader(h, m.data) {
		return nil, l.drop(dropMalformed)
	}
	l.lastIn = h.sequence
	if l.rate(h.pt) == 0 {
		return nil, l.drop(l.unnegotiated(m, arrival))
	}
	data, ok := l.authentic(m, h, arrival)
	if !ok {
		return nil, false
	}
	if payload, ok = h.payload(data); !ok {
		return nil, l.drop(dropMalformed)
	}
	return payload, true
}

// unnegotiated says why a packet of a payload type that was not agreed on is dropped. The
// peer's keep-alives (RFC 6263) look like that: they show that it lives.
func (l *Leg) unnegotiated(m *scratch, arrival int64) dropReason {
	if l.latch.unsure() && m.from != l.latch.remote {
		l.latch.strangers++
		return dropStranger
	}
	l.hear(l.latch.remote.Addr(), arrival)
	return dropPayloadType
}

// authentic decrypts a packet if there are keys, and asks whether it is the peer's.
func (l *Leg) authentic(m *scratch, h *header, arrival int64) (data []byte, ok bool) {
	if l.crypto == nil {
		if !l.fromPeer(m.from, h, arrival, false) {
			l.latch.strangers++
			return nil, l.drop(dropStranger)
		}
		return m.data, true
	}
	// A known peer's address is compared first, because that is cheaper than a tag.
	if l.latch.mode != latchOpen && l.latch.unsure() && m.from != l.latch.remote {
		l.latch.strangers++
		return nil, l.drop(dropStranger)
	}
	data, reason := l.crypto.open(m.secure[:0], m.data, h, arrival)
	if data == nil {
		l.latch.strangers++
		return nil, l.drop(reason)
	}
	if !l.fromPeer(m.from, h, arrival, true) {
		return nil, l.drop(dropStranger)
	}
	return data, true
}

// hear takes note of a sign of life of the peer, from its host.
func (l *Leg) hear(from netip.Addr, arrival int64) {
	l.heard = arrival
	l.count.heard.Store(arrival)
	if t := &l.latch; t.standing != standingKnown && from == t.remote.Addr() {
		l.stand(standingKnown)
	}
}

// accept takes a packet of the peer: statistics, and on to the receiver.
func (l *Leg) accept(m *scratch, payload []byte, rate uint32, arrival int64, to media.Receiver) bool {
	h := &m.head
	l.hear(l.latch.remote.Addr(), arrival)
	if h.ssrc == l.ssrc.Load() {
		if l.collide(arrival) {
			return l.drop(dropLoop)
		}
	}
	if !l.reception.admit(h) {
		if h.ssrc == l.reception.ssrc {
			return l.drop(dropSequence)
		}
		return l.drop(dropSource)
	}
	l.reception.measure(h.timestamp, rate, arrival)
	if !l.plan.receive {
		return l.drop(dropHeld)
	}
	if len(payload) == 0 {
		return l.drop(dropEmpty)
	}
	l.deliver(m, payload, arrival, to)
	return true
}

func (l *Leg) deliver(m *scratch, payload []byte, arrival int64, to media.Receiver) {
	p, h := &m.packet, &m.head
	*p = media.Packet{
		Arrival: arrival, SSRC: h.ssrc, Timestamp: h.timestamp, Sequence: h.sequence,
		PayloadType: h.pt, Marker: h.marker, Payload: payload,
	}
	if level := h.element(l.plan.audioLevel); len(level) > 0 {
		p.HasLevel, p.Level, p.Voice = true, media.Level(level[0]&0x7f), level[0]&0x80 != 0
	}
	l.count.packetsIn.Add(1)
	l.count.octetsIn.Add(uint64(len(payload)))
	l.count.lastPacket.Store(arrival)
	to.Receive(p)
	p.Payload = nil
}

// loop remembers a collision of synchronization sources (RFC 3550 section 8.2).
type loop struct {
	since int64 // of the last packet of ours that came back; 0 = none
}

// loopMemory is how long the peer stays known to send our packets back: ten intervals of
// RTCP.
const loopMemory = int64(50 * time.Second)

// collide deals with our own SSRC on ingress. The first time it is taken for the peer's
// choice and we choose another. If the peer then uses that too, it sends our own packets
// back, and true says to drop them.
func (l *Leg) collide(now int64) bool {
	looped := l.loop.since != 0 && now-l.loop.since < loopMemory
	l.loop.since = now
	if looped {
		return true
	}
	l.count.collisions.Add(1)
	l.changeSSRC()
	return false
}

// changeSSRC goes on under another SSRC. Sequence numbers and timestamps go on with it.
func (l *Leg) changeSSRC() {
	old := l.ssrc.Load()
	l.sayBye(old)
	next := Random32()
	for next == old || next == l.reception.ssrc {
		next = Random32()
	}
	l.ssrc.Store(next)
	l.report.restart()
}
