//go:build linux

package cameras

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/confd/confd/bench/load/sight"
	"github.com/confd/confd/bench/load/video"
	"github.com/confd/confd/bench/wire"
	"github.com/confd/confd/media"
)

// What an eye does about what is missing.
const (
	shelfSize = 256 // packets beyond a gap, at most; a power of two
	askAfter  = int64(4 * time.Millisecond)
	askAgain  = int64(60 * time.Millisecond)
	giveUp    = int64(250 * time.Millisecond)
	giveUpNow = int64(30 * time.Millisecond)  // where nobody would repair it
	keyAgain  = int64(500 * time.Millisecond) // between two requests for a key frame
	frozen    = int64(500 * time.Millisecond) // without a new picture
)

// eye is what a caller receives.
type eye struct {
	of    *caller
	watch *video.Watch

	heard    bool
	ssrc     uint32
	next     uint16 // sequence number that is waited for
	begun    bool
	shelf    [shelfSize]*held // what came beyond a gap, by sequence number
	shelved  int
	top      uint16 // newest on the shelf
	gapSince int64
	askAt    int64

	wantsKey bool
	keyAt    int64 // when a key frame may be asked for

	sees     int   // sender, or sight.Nobody
	pictured int64 // when the last picture came; 0: none
	number   uint32

	base, received, expectedBefore, receivedBefore uint32 // RFC 3550 appendix A.3
	highest                                        uint32
	transit                                        int64
	jitter                                         float64
	lastReport                                     uint32
	lastReportAt                                   int64

	missing [maxAsked]uint16
}

// maxAsked is how many packets are asked for at a time, at most.
const maxAsked = 64

// held is a packet that waits for an earlier one.
type held struct {
	sequence  uint16
	timestamp uint32
	marker    bool
	arrival   int64
	length    int
	payload   [maxDatagram]byte
}

// pool is what eyes of a thread put packets in.
type pool struct {
	free []*held
	made int
}

// maxPool bounds what a thread's eyes hold together.
const maxPool = 8192

// get returns an empty one; nil if there are too many.
func (p *pool) get() *held {
	if n := len(p.free); n > 0 {
		h := p.free[n-1]
		p.free = p.free[:n-1]
		return h
	}
	if p.made == maxPool {
		return nil
	}
	p.made++
	return &held{}
}

func (p *pool) put(h *held) { p.free = append(p.free, h) }

func newEye(c *caller, codec media.VideoCodec) *eye {
	return &eye{of: c, watch: video.NewWatch(codec), sees: sight.Nobody}
}

// begin forgets a call before.
func (e *eye) begin() {
	e.drop()
	*e = eye{of: e.of, watch: e.watch, sees: sight.Nobody}
	e.watch.Restart()
}

func (e *eye) drop() {
	for i, h := range e.shelf {
		if h != nil {
			e.of.thread.pool.put(h)
			e.shelf[i] = nil
		}
	}
	e.shelved = 0
}

// take takes a datagram.
func (e *eye) take(b []byte, at int64) {
	payload := wire.Payload(b)
	if payload == nil {
		e.of.counts.Malformed++
		return
	}
	pt, marker := b[1]&0x7f, b[1]&0x80 != 0
	sequence, timestamp, ssrc := wire.Sequence(b), binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	switch peer := &e.of.peer; {
	case pt == peer.RTX && peer.RTX != 0:
		if len(payload) < 2 { // padding, to probe the path
			return
		}
		sequence, payload = binary.BigEndian.Uint16(payload), payload[2:]
		if e.heard {
			e.repaired(sequence, timestamp, marker, payload, at)
		}
		return
	case pt != peer.PayloadType:
		e.of.counts.Malformed++
		return
	}
	if !e.heard || ssrc != e.ssrc {
		e.source(ssrc, sequence)
	}
	e.measure(sequence, timestamp, at)
	e.of.counts.Received++
	e.of.counts.ReceivedBytes += len(payload)
	e.accept(sequence, timestamp, marker, payload, at)
}

// source begins with another source of the server's.
func (e *eye) source(ssrc uint32, sequence uint16) {
	if e.heard {
		e.of.counts.Sources++
		e.drop()
		e.watch.Restart()
	}
	e.heard, e.ssrc, e.next, e.begun = true, ssrc, sequence, true
	e.base, e.highest = uint32(sequence), uint32(sequence)
	e.received, e.expectedBefore, e.receivedBefore, e.transit, e.jitter = 0, 0, 0, 0, 0
	e.lastReport = 0
}

// measure keeps what receiver reports tell.
func (e *eye) measure(sequence uint16, timestamp uint32, at int64) {
	if step := sequence - uint16(e.highest); step < 1<<15 {
		e.highest += uint32(step)
	}
	e.received++
	transit := at*9/100000 - int64(timestamp)
	if e.transit != 0 {
		d := math.Abs(float64(int32(transit - e.transit)))
		e.jitter += (d - e.jitter) / 16
	}
	e.transit = transit
}

// repaired takes a packet that came again.
func (e *eye) repaired(sequence uint16, timestamp uint32, marker bool, payload []byte, at int64) {
	if step := sequence - e.next; step >= 1<<15 || e.shelf[sequence%shelfSize] != nil {
		e.of.counts.Duplicated++
		return
	}
	e.of.counts.Repaired++
	e.accept(sequence, timestamp, marker, payload, at)
}

// accept hands packets on in order, and shelves what came too early.
func (e *eye) accept(sequence uint16, timestamp uint32, marker bool, payload []byte, at int64) {
	switch step := sequence - e.next; {
	case step == 0:
		e.see(sequence, timestamp, marker, payload, at)
		e.next++
		e.unshelve(at)
	case step >= 1<<15:
		e.of.counts.Duplicated++
	case step >= shelfSize:
		e.skip(sequence, at)
		e.see(sequence, timestamp, marker, payload, at)
		e.next++
	default:
		e.put(sequence, timestamp, marker, payload, at)
	}
}

// put shelves a packet.
func (e *eye) put(sequence uint16, timestamp uint32, marker bool, payload []byte, at int64) {
	place := &e.shelf[sequence%shelfSize]
	if *place != nil {
		e.of.counts.Duplicated++
		return
	}
	h := e.of.thread.pool.get()
	if h == nil || len(payload) > len(h.payload) {
		e.of.counts.Malformed++
		return
	}
	h.sequence, h.timestamp, h.marker, h.arrival = sequence, timestamp, marker, at
	h.length = copy(h.payload[:], payload)
	*place = h
	if e.shelved == 0 {
		e.gapSince, e.askAt = at, at+askAfter
		e.top = sequence
		e.of.wake()
	}
	e.shelved++
	if sequence-e.top < 1<<15 {
		e.top = sequence
	}
}

// unshelve hands on what has become the next.
func (e *eye) unshelve(now int64) {
	moved := false
	for e.shelved > 0 {
		place := &e.shelf[e.next%shelfSize]
		h := *place
		if h == nil {
			break
		}
		*place = nil
		e.shelved--
		e.see(h.sequence, h.timestamp, h.marker, h.payload[:h.length], max(h.arrival, now))
		e.of.thread.pool.put(h)
		e.next++
		moved = true
	}
	if moved && e.shelved > 0 { // another gap, as old as what is beyond it
		e.gapSince = now
	}
}

// skip gives up what is missing before a sequence number.
func (e *eye) skip(until uint16, now int64) {
	for e.next != until {
		if e.shelved == 0 {
			e.of.counts.Lost += int(until - e.next)
			e.next = until
			return
		}
		if e.shelf[e.next%shelfSize] == nil {
			e.of.counts.Lost++
			e.next++
			continue
		}
		e.unshelve(now)
	}
}

// see watches a packet, in order.
func (e *eye) see(sequence uint16, timestamp uint32, marker bool, payload []byte, at int64) {
	w := e.watch
	bad := w.Broken + w.Undecodable + w.WithoutStart + w.Unmarked
	s := w.Packet(sequence, timestamp, marker, payload)
	if w.Broken+w.Undecodable+w.WithoutStart+w.Unmarked > bad {
		e.wantsKey = true
		e.of.wake()
	}
	if s != nil && !s.Undecodable {
		e.picture(s, at)
	}
}

// picture takes a picture that can be decoded.
func (e *eye) picture(s *video.Seen, at int64) {
	c, t := &e.of.counts, e.of.thread
	if s.Key {
		e.wantsKey = false
	}
	sender := int(s.Sender)
	if step := s.Number - e.number; sender == e.sees && step < maxStep {
		c.Due += int(step)
	} else {
		c.Due++
	}
	c.Whole++
	e.number = s.Number
	addDelay(&t.delays[e.of.room], at-s.At)
	if gap := at - e.pictured; e.pictured != 0 && gap > frozen {
		c.Freezes++
		c.Frozen += time.Duration(gap)
	}
	e.pictured = at
	if sender != e.sees {
		e.sees = sender
		c.log(sight.Sight{At: at, Sender: sender})
	}
}

// maxStep is by how much a sender's pictures may be ahead and still count as missed.
const maxStep = 10000

// turn asks for what is missing, and gives it up; it returns when it wants to be called again,
// 0 if that is after the next packet.
func (e *eye) turn(now int64) (next int64) {
	if e.shelved > 0 {
		next = e.mend(now)
	}
	if !e.wantsKey || !e.heard {
		return next
	}
	if now >= e.keyAt {
		e.keyAt = now + keyAgain
		e.askForKey(now)
	}
	if next == 0 || e.keyAt < next {
		next = e.keyAt
	}
	return next
}

func (e *eye) mend(now int64) (next int64) {
	patience := giveUp
	if !e.of.peer.NACK {
		patience = giveUpNow
	}
	if now-e.gapSince >= patience {
		first := e.next
		for e.shelf[first%shelfSize] == nil {
			first++
		}
		e.skip(first, now)
		e.unshelve(now)
		if e.shelved == 0 {
			return 0
		}
	}
	if now >= e.askAt {
		e.askAt = now + askAgain
		if e.of.peer.NACK {
			e.ask(now)
		}
	}
	return min(e.askAt, e.gapSince+patience)
}

// ask asks for what is missing.
func (e *eye) ask(now int64) {
	n := 0
	for s := e.next; s != e.top && n < maxAsked; s++ {
		if e.shelf[s%shelfSize] == nil {
			e.missing[n] = s
			n++
		}
	}
	if n == 0 {
		return
	}
	e.of.counts.NACKsSent++
	c := e.of
	c.send(func(b []byte) []byte { return appendNACK(b, c.ssrc, e.ssrc, e.missing[:n]) }, now)
}

func (e *eye) askForKey(now int64) {
	c := e.of
	switch {
	case c.peer.PLI:
		c.send(func(b []byte) []byte { return appendPLI(b, c.ssrc, e.ssrc) }, now)
	case c.peer.FIR:
		c.refreshes++
		c.send(func(b []byte) []byte { return appendFIR(b, c.ssrc, e.ssrc, c.refreshes) }, now)
	default:
		return
	}
	c.counts.KeyFramesWanted++
}

// reported takes a sender report of what is seen.
func (e *eye) reported(m *message, at int64) {
	if e.heard && m.sender == e.ssrc {
		e.lastReport, e.lastReportAt = binary.BigEndian.Uint32(m.body[2:]), at
	}
}

// reception is the report block about what is seen (RFC 3550 appendix A.3).
func (e *eye) reception(now int64) *reception {
	expected := e.highest - e.base + 1
	r := &reception{ssrc: e.ssrc, highest: e.highest, jitter: uint32(e.jitter), lost: int32(expected - e.received)}
	due, come := expected-e.expectedBefore, e.received-e.receivedBefore
	e.expectedBefore, e.receivedBefore = expected, e.received
	if due > come && due < 1<<31 {
		r.fraction = uint8(min(255, (due-come)<<8/due))
	}
	if e.lastReport != 0 {
		r.lastReport, r.delay = e.lastReport, uint32((now-e.lastReportAt)*65536/1e9)
	}
	return r
}
