package transport

import (
	"time"

	"github.com/confd/confd/transport/repair"
)

// controlLook is how long RTCP may have to wait while media comes all the time, ns.
const controlLook = int64(10 * time.Millisecond)

// How often the RTP socket of a leg to which nobody may send is read, ns, and how many packets then.
const (
	mediaLook  = int64(200 * time.Millisecond) // while one to latch onto may come
	mediaRest  = int64(time.Second)            // once the peer is known
	mediaReads = 64
)

// Poll hands to "to" what has arrived by now, in order, reading at most limit packets and 16
// datagrams of RTCP, and does what reports and latching have to do. It returns how many
// datagrams it read, whoever sent them; if that is not 0 there may be more. It never
// blocks. It wants to be called whenever a descriptor is readable, and every 50 ms, for which
// a limit of 0 is enough: then nothing is read but what Descriptors left out, and mostly no call
// of the system is made.
func (v *VideoLeg) Poll(now int64, limit int, to VideoReceiver) int {
	l := &v.leg
	if l.closed.Load() {
		return 0
	}
	stamps.keep(now)
	m := scratches.Get().(*scratch)
	v.to = to
	n := 0
	if limit <= 0 && v.rests(now) {
		v.drain(m, now, mediaReads)
	}
	if limit > 0 {
		n = v.drain(m, now, limit)
		// Most often it was media that came; RTCP makes the leg readable again at once.
		if n == 0 || now-v.controlAt >= controlLook {
			v.controlAt = now
			n += l.drainControl(m, now)
		}
	}
	if v.setup != nil {
		v.watch(now)
		l.watchUnheard(now)
		v.due(m, now)
	}
	v.to = nil
	scratches.Put(m)
	l.lastPoll = now
	return n
}

// rests tells whether the RTP socket is to be read although nobody waits for it.
func (v *VideoLeg) rests(now int64) bool {
	if v.watched() {
		return false
	}
	every := mediaLook
	if t := &v.leg.latch; t.connected && t.standing == standingKnown {
		every = mediaRest
	}
	return now-v.mediaAt >= every
}

// watched tells whether media, or RTCP, is to come on the RTP socket.
func (v *VideoLeg) watched() bool { return v.setup == nil || v.leg.plan.receive || v.leg.plan.mux }

// drain reads the RTP socket.
func (v *VideoLeg) drain(m *scratch, now int64, limit int) int {
	l := &v.leg
	v.mediaAt = now
	if l.crypto != nil && l.latch.mode == latchOpen {
		limit = min(limit, cryptoReads) // each has to be authenticated
	}
	for n := range limit {
		switch result := l.rtp.recv(m, l.latch.unsure()); {
		case result == ioEmpty:
			l.latch.purging = false
			return n
		case result != ioDone:
			l.count.sent(result, 0)
		case v.setup == nil:
			l.drop(dropStranger)
		default:
			arrival := stamps.arrival(m.stamp, now)
			if payload, ok := l.unpack(m, arrival); ok {
				v.accept(m, payload, arrival)
			}
		}
	}
	return limit
}

// accept takes a packet of the peer.
func (v *VideoLeg) accept(m *scratch, payload []byte, arrival int64) {
	l, h := &v.leg, &m.head
	l.hear(l.latch.remote.Addr(), arrival)
	if v.ours(h.ssrc) && v.collide(h.ssrc, arrival) {
		l.drop(dropLoop)
		return
	}
	if v.came != nil {
		v.came.hear(h, v.setup.params.TransportCCID, arrival)
	}
	kind := v.setup.kinds[h.pt]
	encoding, reason, ok := v.admit(h, kind, arrival)
	if !ok {
		l.drop(reason)
		return
	}
	if !l.plan.receive {
		l.drop(dropHeld)
		return
	}
	v.deliver(h, kind, encoding, payload, arrival)
}

func (v *VideoLeg) deliver(h *header, kind videoKind, encoding uint8, payload []byte, arrival int64) {
	p := &v.packet
	*p = VideoPacket{
		Arrival: arrival, SSRC: h.ssrc, Timestamp: h.timestamp, Sequence: h.sequence,
		PayloadType: h.pt, Marker: h.marker, Encoding: encoding,
		FrameMarking: h.element(v.setup.params.FrameMarkingID), Payload: payload,
	}
	if kind == videoRepair && !v.unwrap(p) {
		return
	}
	c := &v.leg.count
	c.packetsIn.Add(1)
	c.octetsIn.Add(uint64(len(payload)))
	c.lastPacket.Store(arrival)
	v.to.Video(p)
	p.Payload, p.FrameMarking = nil, nil
}

// unwrap makes of a retransmission what it stands for (RFC 4588 section 4). One that has no
// payload is padding, which probes the path.
func (v *VideoLeg) unwrap(p *VideoPacket) bool {
	if len(p.Payload) == 0 {
		v.count.probes.Add(1)
		return false
	}
	main := v.place(p.Encoding, videoMain)
	number, payload, ok := repair.ReadRetransmission(p.Payload)
	if !ok {
		return v.leg.drop(dropMalformed)
	}
	if !main.active {
		return v.leg.drop(dropSource)
	}
	v.count.repairsIn.Add(1)
	p.SSRC, p.Sequence, p.Payload = main.ssrc, number, payload
	p.PayloadType, p.Repaired = v.setup.originals[p.PayloadType], true
	return true
}

// ours tells whether an SSRC is one that we send under.
func (v *VideoLeg) ours(ssrc uint32) bool {
	return ssrc == v.leg.ssrc.Load() || ssrc == v.rtx.ssrc.Load()
}

// collide is Leg.collide for either stream of egress.
func (v *VideoLeg) collide(ssrc uint32, now int64) bool {
	if ssrc == v.leg.ssrc.Load() {
		return v.leg.collide(now)
	}
	l := &v.leg
	looped := l.loop.since != 0 && now-l.loop.since < loopMemory
	l.loop.since = now
	if !looped {
		l.count.collisions.Add(1)
		v.rtx.begin(l.ssrc.Load())
	}
	return looped
}
