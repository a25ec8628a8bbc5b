package transport

import (
	"encoding/binary"

	"github.com/confd/confd/transport/feedback"
)

// Transport-wide numbers (draft-holmer-rmcat-transport-wide-cc-extensions-01) count all
// packets of one direction, whatever their SSRC.

// logSize is how many packets either log remembers: a second at 10 Mbit/s.
const logSize = 1024

// arrivalLog remembers when the peer's packets came, until that was reported.
type arrivalLog struct {
	times   [logSize]int64 // monotonic nanoseconds by number; below 0 = not arrived
	base    int64          // number, wraps included, of the first that was not reported
	last    int64          // highest number
	next    int64          // when a report is due
	media   uint32         // SSRC heard last
	count   uint8          // of reports
	pending bool
}

// hear takes note of a packet's number, if it has one.
func (a *arrivalLog) hear(h *header, id uint8, arrival int64) {
	if e := h.element(id); len(e) == 2 {
		a.media = h.ssrc
		a.note(binary.BigEndian.Uint16(e), arrival)
	}
}

func (a *arrivalLog) note(number uint16, arrival int64) {
	if a.last == 0 {
		a.restart(1<<16 + int64(number))
	}
	n := a.last + int64(int16(number-uint16(a.last)))
	switch {
	case n-a.last >= logSize:
		a.restart(n)
	case a.last-n >= logSize:
		return // too old to tell
	}
	for ; a.last < n; a.last++ {
		a.times[(a.last+1)%logSize] = -1
	}
	t := &a.times[uint64(n)%logSize]
	if *t >= 0 {
		return // came before
	}
	*t, a.pending = max(arrival, 0), true
	a.base = max(min(a.base, n), a.last-logSize+1)
}

// restart begins anew at a number.
func (a *arrivalLog) restart(n int64) {
	for i := range a.times {
		a.times[i] = -1
	}
	a.base, a.last = n, n
}

// append writes a report about as many packets as one message holds.
func (a *arrivalLog) append(b []byte, sender uint32) []byte {
	var room [feedback.MaxReported]int64
	times := room[:min(a.last-a.base+1, feedback.MaxReported)]
	for i := range times {
		times[i] = a.times[uint64(a.base+int64(i))%logSize]
	}
	b, n := feedback.AppendTransportCC(b, &feedback.Report{
		Sender: sender, Media: a.media, Count: a.count, First: uint16(a.base), Times: times,
	})
	if n == 0 { // none of them came
		n = len(times)
	} else {
		a.count++
	}
	a.base += int64(n)
	a.pending = a.base <= a.last
	return b
}

// sendLog remembers packets of egress until the peer has told of them.
type sendLog struct {
	packets [logSize]sentPacket
	told    [logSize]feedback.Arrival // what recall returns
}

type sentPacket struct {
	at     int64 // monotonic nanoseconds, 0 = none
	size   uint16
	number uint16
}

func (s *sendLog) note(number uint16, at int64, size int) {
	s.packets[number%logSize] = sentPacket{at, uint16(size), number}
}

// recall returns what became of packets that are remembered. What arrived is forgotten by
// that: it counts once.
func (s *sendLog) recall(r *feedback.Reception) []feedback.Arrival {
	told := s.told[:0]
	for a, ok := r.Next(); ok && len(told) < logSize; a, ok = r.Next() {
		p := &s.packets[a.Sequence%logSize]
		if p.at == 0 || p.number != a.Sequence {
			continue
		}
		a.SentAt, a.Size = p.at, int(p.size)
		if a.Arrived {
			p.at = 0
		}
		told = append(told, a)
	}
	return told
}
