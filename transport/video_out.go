package transport

import (
	"encoding/binary"

	"github.com/confd/confd/media"
	"github.com/confd/confd/transport/repair"
)

const (
	// MaxVideoDatagram is the largest datagram that SendVideo sends, header, extension and
	// authentication tag included: what an Ethernet frame can hold, and what is read.
	MaxVideoDatagram = maxPacket

	numberSize = 8 // of the header extension with a transport-wide number
)

// SendVideo sends packets and returns how many of them, from the first on, are done with:
// sent, or lost in a way that another attempt would not cure, which is counted. The rest found
// no room in the socket. Packets of equal size, of which the last may be smaller, go to the
// kernel at once, which cuts them. It allocates nothing and never blocks.
func (v *VideoLeg) SendVideo(now int64, out []VideoOut) int {
	l := &v.leg
	if l.closed.Load() || !l.open || v.wire.pt == 0 {
		v.count.held.Add(uint64(len(out)))
		return len(out)
	}
	if !v.admits(now, out) {
		l.count.withheld.Add(uint64(len(out)))
		return len(out)
	}
	m := batches.Get().(*batch)
	done, full := 0, false
	for done < len(out) && !full {
		var n int
		n, full = v.sendRun(m, out[done:], now)
		done += n
	}
	if full {
		l.count.noRoom.Add(1)
	}
	batches.Put(m)
	return done
}

// sendRun sends what can go at once, and returns how many packets are done with, and whether
// the socket is full.
func (v *VideoLeg) sendRun(m *batch, out []VideoOut, now int64) (done int, full bool) {
	if v.size(&out[0]) > MaxVideoDatagram {
		v.leg.count.oversize.Add(1)
		return 1, false
	}
	if !v.mayRepeat(&out[0]) {
		v.count.stale.Add(1)
		return 1, false
	}
	n := v.gather(m, out, now)
	if done, full = v.flush(m, out[:n], now); full {
		v.takeBack(out[done:n])
	}
	return done, full
}

// gather writes as many packets as can go at once, at least one, and returns how many.
func (v *VideoLeg) gather(m *batch, out []VideoOut, now int64) int {
	first := v.size(&out[0])
	m.start(first)
	most := min(len(out), maxSegments)
	if first > v.wire.segments {
		most = 1
	}
	total := 0
	for i := range out[:most] {
		size := v.size(&out[i])
		if total += size; i > 0 && (size > first || total > maxRun || !v.mayRepeat(&out[i])) {
			return i
		}
		v.write(m, &out[i], size, now)
		if size < first {
			return i + 1
		}
	}
	return most
}

// size returns how long a packet becomes.
func (v *VideoLeg) size(o *VideoOut) int {
	n := v.wire.around + len(o.Head) + len(o.Body)
	if v.wraps(o) {
		n += repair.RetransmissionSize
	}
	return n
}

// wraps tells whether a packet goes out under RFC 4588.
func (v *VideoLeg) wraps(o *VideoOut) bool { return o.Repair && v.wire.rtxPT != 0 }

// mayRepeat tells whether a packet may go under its number. With SRTP a number stands for one
// packet only, bit by bit (RFC 3711 section 9.1): what is new must be newer, and what is
// repeated must not have another transport-wide number in its header.
func (v *VideoLeg) mayRepeat(o *VideoOut) bool {
	if v.leg.crypto == nil || v.wraps(o) {
		return true
	}
	ahead := int16(o.Sequence-uint16(v.leg.sequence)) >= 0 || !v.wire.begun
	if o.Repair {
		return !ahead && v.wire.numberID == 0
	}
	return ahead
}

// write adds a packet to those that go at once.
func (v *VideoLeg) write(m *batch, o *VideoOut, size int, now int64) {
	if v.wire.numberID != 0 {
		v.sent.note(v.wire.number, now, size)
	}
	b := append(v.appendHeader(m.room(), o), o.Head...)
	m.add(v.leg.crypto.seal(m.room(), append(b, o.Body...)))
	if !o.Repair {
		v.leg.sequence, v.wire.begun = uint64(o.Sequence)+1, true
	}
}

// noLists is what a header without contributors lists.
var noLists media.Outgoing

// appendHeader writes the header of RFC 3550 section 5.1, and for a retransmission the number
// that RFC 4588 section 4 puts in front of the payload.
func (v *VideoLeg) appendHeader(b []byte, o *VideoOut) []byte {
	w := &v.wire
	h := Heading{Timestamp: o.Timestamp, SSRC: v.leg.ssrc.Load(), Sequence: o.Sequence, PayloadType: w.pt, Marker: o.Marker}
	wraps := v.wraps(o)
	if wraps {
		h.SSRC, h.Sequence, h.PayloadType = v.rtx.ssrc.Load(), v.rtx.sequence, w.rtxPT
		v.rtx.sequence++
	}
	at := len(b)
	b = Lists{}.Append(b, h, &noLists, 0)
	if w.numberID != 0 {
		b[at] |= 0x10
		b = appendNumber(b, w.numberID, w.number)
		w.number++
	}
	if wraps {
		b = binary.BigEndian.AppendUint16(b, o.Sequence)
	}
	return b
}

// appendNumber writes an RFC 8285 extension with a transport-wide number as its only element.
func appendNumber(b []byte, id uint8, number uint16) []byte {
	if id <= maxOneByteID {
		b = binary.BigEndian.AppendUint32(b, profileOne<<16|1)
		b = append(b, id<<4|1)
		return append(binary.BigEndian.AppendUint16(b, number), 0)
	}
	b = binary.BigEndian.AppendUint32(b, profileTwo<<16|1)
	b = append(b, id, 2)
	return binary.BigEndian.AppendUint16(b, number)
}

// takeBack has numbers used again that were given to packets which did not go.
func (v *VideoLeg) takeBack(out []VideoOut) {
	if v.wire.numberID != 0 {
		v.wire.number -= uint16(len(out))
	}
	for i := len(out) - 1; i >= 0; i-- {
		switch o := &out[i]; {
		case v.wraps(o):
			v.rtx.sequence--
		case !o.Repair:
			v.leg.sequence = uint64(o.Sequence)
		}
	}
}

// flush sends what was gathered, at once if the kernel cuts it, and returns how many packets
// are done with, and whether the socket is full.
func (v *VideoLeg) flush(m *batch, out []VideoOut, now int64) (done int, full bool) {
	if len(out) > 1 {
		switch result := v.transmit(m, 0, len(out)); result {
		case ioEmpty:
			return 0, true
		case ioUncut:
			v.wire.refused(m.segment)
			v.count.uncut.Add(1)
		default:
			v.wire.runs.Add(1)
			v.account(out, result, now)
			return len(out), false
		}
	}
	for i := range out {
		result := v.transmit(m, i, 1)
		if result == ioEmpty {
			return i, true
		}
		v.account(out[i:i+1], result, now)
	}
	return len(out), false
}

// transmit sends some of what was gathered. What the peer's host said about an earlier packet
// is not held against these.
func (v *VideoLeg) transmit(m *batch, first, n int) verdict {
	s, connected := &v.leg.rtp, v.leg.latch.connected
	result := m.send(s, connected, first, n)
	if result == ioRefused {
		result = m.send(s, connected, first, n)
	}
	return result
}

// account counts packets that are done with.
func (v *VideoLeg) account(out []VideoOut, result verdict, now int64) {
	c, octets := &v.leg.count, 0
	for i := range out {
		o := &out[i]
		size := len(o.Head) + len(o.Body)
		octets += size
		v.note(o, size, now)
	}
	switch result {
	case ioDone:
		c.packetsOut.Add(uint64(len(out)))
		c.octetsOut.Add(uint64(octets))
	case ioRefused:
		c.refused.Add(uint64(len(out)))
	default:
		c.failed.Add(uint64(len(out)))
	}
}

// note counts a packet for the sender reports, in which a timestamp goes with the time at
// which its first packet was sent.
func (v *VideoLeg) note(o *VideoOut, size int, now int64) {
	if v.wraps(o) {
		x := &v.rtx
		x.packets, x.octets = x.packets+1, x.octets+uint32(size)
		x.stamp, x.stampTime = o.Timestamp, now
		v.count.repairsOut.Add(1)
		return
	}
	l := &v.leg
	l.report.sent(size)
	if o.Repair {
		v.count.repairsOut.Add(1)
	} else if o.Timestamp != l.lastStamp || l.stampTime == 0 {
		l.lastStamp, l.stampTime = o.Timestamp, now
	}
}
