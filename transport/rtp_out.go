package transport

import (
	"encoding/binary"

	"github.com/confd/confd/media"
)

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
	ts, ok := l.timeline.at(o.Time, o.ClockRate)
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
	m := scratches.Get().(*scratch)
	if b := l.assemble(m.out[:0], o, ts); b != nil {
		l.transmit(m, b, len(o.Data))
		l.lastStamp, l.stampTime = ts, l.lastPoll
	}
	scratches.Put(m)
}

// assemble writes header, lists and payload, and consumes a sequence number. It returns
// nil if the payload alone is too long.
func (l *Leg) assemble(b []byte, o *media.Outgoing, ts uint32) []byte {
	room := maxDatagram - headerSize - len(o.Data) - l.crypto.overhead()
	if room < 0 {
		l.count.oversize.Add(1)
		return nil
	}
	listed := l.fit(o, room)
	leveled := 0
	if l.plan.mixerLevel != 0 {
		leveled = min(listed, len(o.Levels))
	}
	first := byte(2<<6 | listed)
	if leveled > 0 {
		first |= 0x10
	}
	second := o.PayloadType & 0x7f
	if o.Marker || l.paused {
		second |= 0x80
	}
	l.paused = false
	b = append(b, first, second)
	b = binary.BigEndian.AppendUint16(b, uint16(l.sequence))
	b = binary.BigEndian.AppendUint32(b, ts)
	b = binary.BigEndian.AppendUint32(b, l.ssrc.Load())
	l.sequence++
	for _, c := range o.Contributors[:listed] {
		b = binary.BigEndian.AppendUint32(b, c)
	}
	if leveled > 0 {
		b = appendLevels(b, l.plan.mixerLevel, o.Levels[:leveled])
	}
	return append(b, o.Data...)
}

// fit returns how many contributors there is room for, the loudest first.
func (l *Leg) fit(o *media.Outgoing, room int) int {
	if !l.plan.csrc {
		return 0
	}
	n := min(len(o.Contributors), maxCSRC)
	for n > 0 && csrcSize*n+levelsSize(l.plan.mixerLevel, min(n, len(o.Levels))) > room {
		n--
	}
	if n < min(len(o.Contributors), maxCSRC) {
		l.count.trimmed.Add(1)
	}
	return n
}

// levelsSize returns how long appendLevels makes the extension.
func levelsSize(id uint8, n int) int {
	switch {
	case id == 0 || n == 0:
		return 0
	case id <= maxOneByteID:
		return extPrefix + (1+n+3)&^3
	}
	return extPrefix + (2+n+3)&^3
}

// appendLevels writes the mixer-to-client levels (RFC 6465 section 3) as the only element
// of an RFC 8285 header extension: one byte a level, in the order of the contributors.
func appendLevels(b []byte, id uint8, levels []media.Level) []byte {
	n := len(levels)
	words := uint16(levelsSize(id, n)-extPrefix) / 4
	if id <= maxOneByteID {
		b = binary.BigEndian.AppendUint16(b, profileOne)
		b = binary.BigEndian.AppendUint16(b, words)
		b = append(b, id<<4|byte(n-1))
	} else {
		b = binary.BigEndian.AppendUint16(b, profileTwo)
		b = binary.BigEndian.AppendUint16(b, words)
		b = append(b, id, byte(n))
	}
	for _, v := range levels {
		b = append(b, byte(min(v, media.Silence)))
	}
	head := 1
	if id > maxOneByteID {
		head = 2
	}
	for pad := int(words)*4 - head - n; pad > 0; pad-- {
		b = append(b, 0)
	}
	return b
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
