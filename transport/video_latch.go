package transport

import (
	"net/netip"
	"sync/atomic"
	"time"
)

// What the rules of latching.go and unheard.go take for video: DESIGN.md, "Video".
const (
	videoFrames = 3                             // in sequence that make a source the peer
	videoBurst  = 128                           // packets that may come at once, as a key frame does
	videoPace   = int64(500 * time.Microsecond) // and a packet in this time beside them
	videoFlood  = 256                           // strangers' packets in videoWindow that are a flood
	videoWindow = int64(20 * time.Millisecond)  // as polls follow each other closely
	framePace   = int64(4 * time.Millisecond)   // no camera is faster
	otherSource = candidateAge                  // for which a second SSRC of one address is left aside
)

// paced tells whether a source has spoken for so long, a time in nanoseconds, at the pace of
// a peer.
func (c *candidate) paced(video bool, span int64) bool {
	if !video {
		return c.run >= latchRun && span >= latchSpan && span >= int64(c.run-1)*latchPace
	}
	return c.frames >= videoFrames && span >= latchSpan && span >= int64(c.frames-1)*framePace &&
		span >= int64(c.run-videoBurst)*videoPace
}

// notePicture is note for video: many packets share a timestamp, and an address may have
// several sources, of which one at a time is followed and all are counted.
func (c *candidate) notePicture(from netip.AddrPort, h *header, arrival int64) {
	if c.from == from && c.ssrc != h.ssrc && c.frames > 0 && arrival-c.last < otherSource {
		c.run++
		return
	}
	step := h.sequence - c.seq
	if c.from != from || c.ssrc != h.ssrc || step == 0 || step > latchGap {
		c.from, c.ssrc, c.run, c.frames, c.first = from, h.ssrc, 0, 0, arrival
	}
	if c.frames == 0 || h.timestamp != c.ts {
		c.frames, c.ts = c.frames+1, h.timestamp
	}
	c.run++
	c.seq, c.last = h.sequence, arrival
}

// flood returns how many packets of strangers are one.
func (t *latch) flood() int {
	if t.video {
		return videoFlood
	}
	return floodReads
}

// watch is Leg.watch for polls that follow each other as packets come: strangers are counted
// over a time instead of a poll.
func (v *VideoLeg) watch(now int64) {
	t := &v.leg.latch
	v.strangers += t.strangers
	t.strangers = v.strangers
	v.leg.watch(now)
	if now-v.windowSince >= videoWindow {
		v.windowSince, v.strangers = now, 0
	}
}

// Bounds of video to addresses from which nothing was heard, over all legs of a pool.
const (
	unheardByteRate  = 1 << 20 // bytes a second
	unheardByteBurst = 1 << 20 // bytes at once
)

// allowance is a number of bytes that grows with time and is shared by all legs of a pool.
// The zero value is full. Any goroutine may use it.
type allowance struct {
	paid atomic.Int64 // monotonic nanoseconds up to which the rate is used up
}

// take uses some bytes, if there are as many.
func (a *allowance) take(now int64, bytes int) bool {
	const burst = int64(unheardByteBurst) * int64(time.Second) / unheardByteRate
	cost := int64(bytes) * int64(time.Second) / unheardByteRate
	for {
		before := a.paid.Load()
		after := max(before, now-burst) + cost
		if after > now {
			return false
		}
		if a.paid.CompareAndSwap(before, after) {
			return true
		}
	}
}

// admits is Leg.admits, with a bound for the bytes as well.
func (v *VideoLeg) admits(now int64, out []VideoOut) bool {
	l := &v.leg
	if !l.admits() {
		return false
	}
	if l.latch.standing != standingTried {
		return true
	}
	bytes := 0
	for i := range out {
		bytes += v.size(&out[i])
	}
	return l.pool.unheardBytes.take(now, bytes)
}
