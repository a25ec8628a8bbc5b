package transport

import (
	"net/netip"
	"time"
)

// Latching: which source is the peer. DESIGN.md tells the whole of it.
const (
	latchRun       = 3                             // packets in sequence that make a source the peer
	latchSpan      = int64(30 * time.Millisecond)  // which must take this long at least
	latchPace      = int64(2 * time.Millisecond)   // and this long per packet: no voice comes faster
	latchGap       = 100                           // sequence numbers that may be missing between two
	candidateAge   = int64(100 * time.Millisecond) // a source heard this recently is there
	relatchSilence = int64(2 * time.Second)        // of the peer, before another may take its place
	strangeSilence = int64(10 * time.Second)       // the same, for another address with another SSRC
	maxRelatches   = 8                             // per signalled address
	floodReads     = 64                            // strangers' packets in one poll that are a flood
	trialTime      = int64(300 * time.Millisecond) // how long a flooded leg hears one address only
	trialPause     = int64(time.Second)            // and how long it then bears the flood
)

// latchMode is how a leg chooses whom to hear.
type latchMode uint8

const (
	latchShut  latchMode = iota // nobody: nothing was negotiated
	latchFixed                  // the signalled address, for good
	latchOpen                   // anyone, to find out who is the peer
	latchTrial                  // the expected address for a while, because of a flood
	latchHeld                   // the peer
)

// latch is one leg's choice of peer.
type latch struct {
	mode      latchMode
	connected bool           // the kernel drops strangers
	purging   bool           // but packets from before may still be queued
	proven    bool           // remote has been the peer since it was signalled
	standing  standing       // of remote
	video     bool           // the pace of pictures counts, not that of voice
	strangers int            // packets of strangers in this poll
	remote    netip.AddrPort // where media goes
	signalled netip.AddrPort // as negotiated
	tried     int64          // since when remote has been tried
	since     int64          // when the mode was entered
	noTrial   int64          // until when a flood is borne
	relatches int
	seen      *[8]candidate
}

// candidate is a source that may turn out to be the peer.
type candidate struct {
	from netip.AddrPort
	ssrc uint32
	seq  uint16
	// Of video, the frames in sequence, and run is how many packets came meanwhile.
	frames uint16
	run    int32 // packets in sequence
	ts     uint32
	first  int64
	last   int64
}

// unsure tells whether a packet's sender must be looked at.
func (t *latch) unsure() bool { return !t.connected || t.purging }

// retarget begins anew with a signalled address, unless it is the one known already.
func (l *Leg) retarget(p *Params, now int64) {
	t := &l.latch
	mode := latchFixed
	if p.Latch == LatchBounded {
		mode = latchOpen
	}
	fixed := t.mode == latchFixed
	if t.mode != latchShut && p.RemoteRTP == t.signalled && fixed == (mode == latchFixed) {
		return
	}
	if t.mode != latchShut && !usable(p.RemoteRTP) {
		return // on hold: whoever was the peer still is
	}
	l.stand(standingNew)
	*t = latch{signalled: p.RemoteRTP, remote: p.RemoteRTP, since: now, seen: t.seen, video: t.video}
	clear(t.seen[:])
	l.count.relatched(t.remote, false)
	if usable(t.remote) {
		l.rtp.setRemote(t.remote)
	}
	l.rtp.dissolve()
	l.cadence.cut()
	switch {
	case mode == latchOpen:
		t.mode = latchOpen
	case usable(t.remote):
		t.mode = latchFixed
		l.shield()
	}
}

// shield has the kernel drop everyone but the remote. If it cannot, senders are compared
// here, packet by packet.
func (l *Leg) shield() {
	l.latch.connected = l.rtp.connect(l.latch.remote)
	l.latch.purging = true
	l.cadence.cut()
}

// unshield hears everyone.
func (l *Leg) unshield(now int64) {
	l.rtp.dissolve()
	t := &l.latch
	t.connected, t.purging, t.mode, t.since = false, false, latchOpen, now
	clear(t.seen[:])
	l.cadence.cut()
}

// fromPeer tells whether a packet with a negotiated payload type, authenticated if there
// are keys, comes from the peer. It may decide just now who that is.
func (l *Leg) fromPeer(from netip.AddrPort, h *header, arrival int64, authentic bool) bool {
	t := &l.latch
	switch t.mode {
	case latchFixed:
		return !t.unsure() || from == t.remote
	case latchHeld, latchTrial:
		if t.unsure() && from != t.remote {
			return false
		}
		if t.mode == latchTrial {
			l.latchTo(t.remote, arrival)
		}
		return true
	case latchOpen:
		if from == t.remote || authentic || t.elect(from, h, arrival, l.heard, l.reception.ssrc) {
			l.latchTo(from, arrival)
			return true
		}
	}
	return false
}

// latchTo makes a source the peer.
func (l *Leg) latchTo(from netip.AddrPort, now int64) {
	t := &l.latch
	if t.proven && from != t.remote {
		t.relatches++
		l.count.relatches.Add(1)
	}
	wasTrial := t.mode == latchTrial
	moved := from != t.remote
	t.mode, t.since, t.proven, t.remote = latchHeld, now, true, from
	l.heard = now
	l.aim()
	l.count.relatched(from, true)
	if !wasTrial {
		l.rtp.setRemote(from)
		l.shield()
	}
	if moved {
		l.retargetControl()
	}
}

// relatched publishes the remote.
func (c *counters) relatched(remote netip.AddrPort, latched bool) {
	c.remote.Store(&remote)
	c.latched.Store(latched)
}

// elect takes note of a source and tells whether it may be the peer: a run of packets of
// one SSRC at the pace of voice; the signalled host before others; and if there was a peer
// before, one of its kind before a stranger.
func (t *latch) elect(from netip.AddrPort, h *header, arrival, heard int64, ssrc uint32) bool {
	c := t.candidate(from)
	if t.video {
		c.notePicture(from, h, arrival)
	} else {
		c.note(from, h, arrival)
	}
	if !c.paced(t.video, arrival-c.first) {
		return false
	}
	if t.proven {
		return from.Addr() == t.remote.Addr() || from.Addr() == t.signalled.Addr() ||
			h.ssrc == ssrc || arrival-heard >= strangeSilence
	}
	return from.Addr() == t.signalled.Addr() || !t.signalledHeard(arrival)
}

// candidate returns the record of a source, or else the one that may be given up: that of
// the source heard longest ago.
func (t *latch) candidate(from netip.AddrPort) *candidate {
	oldest := &t.seen[0]
	for i := range t.seen {
		c := &t.seen[i]
		if c.from == from {
			return c
		}
		if c.last < oldest.last {
			oldest = c
		}
	}
	return oldest
}

func (c *candidate) note(from netip.AddrPort, h *header, arrival int64) {
	step := h.sequence - c.seq
	if c.from != from || c.ssrc != h.ssrc || step == 0 || step > latchGap {
		c.from, c.ssrc, c.run, c.first = from, h.ssrc, 0, arrival
	}
	c.run++
	c.seq, c.last = h.sequence, arrival
}

// signalledHeard tells whether the signalled host sends, from whatever port.
func (t *latch) signalledHeard(now int64) bool {
	for i := range t.seen {
		if c := &t.seen[i]; c.run > 0 && c.from.Addr() == t.signalled.Addr() && now-c.last < candidateAge {
			return true
		}
	}
	return false
}

// watch moves between the modes as time goes by. It runs at the end of each poll.
func (l *Leg) watch(now int64) {
	t := &l.latch
	switch t.mode {
	case latchHeld:
		if now-l.heard >= relatchSilence && l.plan.follow && l.plan.receive && t.relatches < maxRelatches {
			l.unshield(now)
		}
	case latchTrial:
		if now-t.since >= trialTime {
			t.noTrial = now + trialPause
			l.unshield(now)
		}
	case latchOpen:
		if t.strangers >= t.flood() && usable(t.remote) && now >= t.noTrial {
			t.mode, t.since = latchTrial, now
			if l.shield(); !t.connected { // no route there: that address is not the peer's
				t.noTrial = now + trialPause
				l.unshield(now)
			}
		}
	}
	t.strangers = 0
}
