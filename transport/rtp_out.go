package transport

import "github.com/confd/confd/media"

// Send implements media.Sink: one payload under the leg's own header. Media time counts
// whether or not the peer may hear, so that its timestamps show how long it did not.
func (l *Leg) Send(o *media.Outgoing) {
	if l.closed.Load() || l.setup == nil {
		return
	}
	if o.ClockRate == 0 {
		l.count.failed.Add(1)
		return
	}
	ts, ok := l.timeline.At(o.Time, o.ClockRate)
	if !ok {
		l.count.timeSteps.Add(1)
	}
	if !l.open {
		l.paused = true
		return
	}
	if !l.admits() {
		l.count.withheld.Add(1)
		l.paused = true
		return
	}
	if l.post(o, ts) {
		return
	}
	m := scratches.Get().(*scratch)
	if b := l.assemble(m.out[:0], o, ts); b != nil {
		l.transmit(m, b, len(o.Data))
	}
	scratches.Put(m)
}

// assemble writes header, lists and payload, and consumes a sequence number. It returns
// nil if the payload alone is too long.
func (l *Leg) assemble(b []byte, o *media.Outgoing, ts uint32) []byte {
	room := MaxDatagram - headerSize - len(o.Data) - l.crypto.overhead()
	if room < 0 {
		l.count.oversize.Add(1)
		return nil
	}
	listed, all := l.plan.lists.Fit(o, room)
	if !all {
		l.count.trimmed.Add(1)
	}
	b = l.plan.lists.Append(b, Heading{
		Timestamp: ts, SSRC: l.ssrc.Load(), Sequence: uint16(l.sequence),
		PayloadType: o.PayloadType, Marker: o.Marker || l.paused,
	}, o, listed)
	l.paused = false
	l.sequence++
	l.lastStamp, l.stampTime = ts, l.lastPoll
	return append(b, o.Data...)
}

// transmit protects and writes a packet. What cannot be sent is lost, and counted.
func (l *Leg) transmit(m *scratch, b []byte, payload int) {
	b = l.crypto.seal(m.secure[:0], b)
	if b == nil {
		l.count.failed.Add(1)
		return
	}
	v := l.write(b)
	l.count.sent(v, payload)
	l.report.sent(payload)
}

// write sends on the RTP socket.
func (l *Leg) write(b []byte) verdict {
	if l.latch.connected {
		return l.rtp.send(b)
	}
	return l.rtp.sendTo(b)
}
