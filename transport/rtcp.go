package transport

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/pion/rtcp"
)

// RTCP has no timer: Poll compares one number with the clock. With two members and audio's
// bandwidth the minimum of RFC 3550 section 6.2 rules the interval.
const (
	reportInterval = 5 * time.Second
	firstInterval  = reportInterval / 2
	// Compensation for reconsideration, e - 3/2 (section 6.3.1).
	reconsider   = 1.21828
	controlReads = 16 // datagrams a look at the RTCP socket
)

// reporter is the RTCP side of a leg.
type reporter struct {
	next    int64 // when a report is due, 0 = not begun
	turn    int   // polls since the RTCP socket was looked at
	packets uint32
	octets  uint32
	atLast  uint32 // packets at the last report
	spoke   bool   // anything was ever sent under this SSRC

	peerSSRC   uint32
	lastSR     uint32 // middle 32 bits of the peer's last NTP time
	lastSRTime int64  // its arrival

	base      netip.AddrPort // as signalled or derived
	remote    netip.AddrPort // as learned
	connected bool
	purging   bool
	host      netip.Addr // that the last report came from
	tried     int64      // when the first report went to an unheard host, 0 = none did
}

// interval returns a randomised time to the next report (section 6.3.1).
func interval(base time.Duration) int64 {
	return int64(float64(base) * (0.5 + rand.Float64()) / reconsider)
}

// begin starts the clock of reports.
func (r *reporter) begin(now int64) {
	if r.next == 0 {
		r.next = now + interval(firstInterval)
	}
}

// restart forgets what was sent under another SSRC.
func (r *reporter) restart() {
	r.packets, r.octets, r.atLast, r.spoke = 0, 0, 0, false
}

// sent counts an RTP packet for sender reports.
func (r *reporter) sent(payload int) {
	r.packets++
	r.octets += uint32(payload)
	r.spoke = true
}

// retargetControl points RTCP at the peer, wherever that is now.
func (l *Leg) retargetControl() {
	p, t, r := &l.setup.params, &l.latch, &l.report
	if p.RTCPMux {
		return
	}
	base := p.rtcpRemote()
	if t.proven && t.remote != t.signalled {
		base = above(t.remote)
	}
	if !usable(base) || base == r.base {
		return
	}
	r.base = base
	l.aimControl(base, t.mode == latchFixed)
}

// aimControl sets where reports go. Once the peer was heard there, or if nobody else may
// be, the kernel drops strangers.
func (l *Leg) aimControl(to netip.AddrPort, known bool) {
	r := &l.report
	r.remote, r.connected, r.purging = to, false, false
	l.rtcp.setRemote(to)
	l.rtcp.dissolve()
	if known {
		r.connected, r.purging = l.rtcp.connect(to), true
	}
}

// isControl tells RTCP from RTP on one port (RFC 5761 section 4): packet types 192 to 223
// lie where payload types 64 to 95 with a marker would.
func isControl(b []byte) bool {
	return len(b) >= 2 && b[1] >= 192 && b[1] <= 223
}

// pollControl looks at the RTCP socket every tenth poll, and sends a report when due.
func (l *Leg) pollControl(m *scratch, now int64) {
	r := &l.report
	if r.turn++; r.turn >= controlTurn {
		r.turn = 0
		l.drainControl(m, now)
		l.publish()
	}
	if r.next != 0 && now >= r.next {
		r.next = now + interval(reportInterval)
		l.sendReport(m, now)
	}
}

// drainControl returns how many datagrams it read.
func (l *Leg) drainControl(m *scratch, now int64) int {
	r := &l.report
	for n := range controlReads {
		switch l.rtcp.recv(m, !r.connected || r.purging) {
		case ioDone:
			l.receiveControl(m, now)
		case ioEmpty:
			r.purging = false
			return n
		}
	}
	return controlReads
}

// receiveControl takes a datagram off the RTCP socket.
func (l *Leg) receiveControl(m *scratch, now int64) {
	r, t := &l.report, &l.latch
	from := r.remote
	if !r.connected || r.purging {
		from = m.from
	}
	if from != r.remote && (r.connected || t.mode == latchFixed || from.Addr() != t.remote.Addr()) {
		l.drop(dropStranger)
		return
	}
	if l.handleControl(m, from.Addr(), stamps.arrival(m.stamp, now)) && !r.connected && t.mode != latchOpen {
		l.aimControl(from, true)
	}
}

// control takes RTCP off the RTP socket.
func (l *Leg) control(m *scratch, arrival int64) {
	if t := &l.latch; t.mode == latchShut || (t.unsure() && m.from != t.remote) {
		t.strangers++
		l.drop(dropStranger)
		return
	}
	l.handleControl(m, l.latch.remote.Addr(), arrival)
}

// handleControl authenticates and reads a compound packet of the peer, which is from its
// host, and tells whether it was one.
func (l *Leg) handleControl(m *scratch, from netip.Addr, arrival int64) bool {
	b := m.data
	if m.truncated || len(b) < 8 {
		l.count.rtcpMalformed.Add(1)
		return false
	}
	if l.crypto != nil {
		var err error
		if b, err = l.crypto.openControl(m.secure[:0], b, arrival); err != nil {
			l.count.rtcpUnauthenticated.Add(1)
			return false
		}
	}
	if !l.readCompound(b, arrival) {
		l.count.rtcpMalformed.Add(1)
		return false
	}
	l.count.rtcpIn.Add(1)
	l.report.host = from
	l.hear(from, arrival)
	return true
}

// readCompound walks the packets of a compound one. It must begin with one that is
// whole; what follows a broken one is left unread. Reduced-size packets (RFC 5506) are
// taken as well.
func (l *Leg) readCompound(b []byte, arrival int64) bool {
	var h rtcp.Header
	whole := 0
	for ; len(b) >= 4; whole++ {
		if h.Unmarshal(b) != nil || !isControl(b) {
			break
		}
		size := 4 * (int(h.Length) + 1)
		if size > len(b) {
			break
		}
		if l.video != nil && (h.Type == rtcp.TypeTransportSpecificFeedback || h.Type == rtcp.TypePayloadSpecificFeedback) {
			l.video.readFeedback(b[:size], arrival)
		} else {
			l.readControl(&h, b[4:size], arrival)
		}
		b = b[size:]
	}
	return whole > 0
}

// readControl reads one packet's body. SDES, APP and extended reports tell nothing that a
// leg needs.
func (l *Leg) readControl(h *rtcp.Header, b []byte, arrival int64) {
	if len(b) < 4 {
		return
	}
	ssrc := binary.BigEndian.Uint32(b)
	switch h.Type {
	case rtcp.TypeSenderReport:
		if len(b) < 24 || !l.notOurs(ssrc, arrival) {
			return
		}
		l.report.peerSSRC, l.report.lastSRTime = ssrc, arrival
		l.report.lastSR = binary.BigEndian.Uint32(b[6:])
		if l.video != nil {
			l.video.senderReport(ssrc, b, arrival)
		}
		l.readBlocks(int(h.Count), b[24:], arrival)
	case rtcp.TypeReceiverReport:
		if l.notOurs(ssrc, arrival) {
			l.readBlocks(int(h.Count), b[4:], arrival)
		}
	case rtcp.TypeGoodbye:
		if h.Count > 0 {
			l.count.byes.Add(1)
		}
		if l.video != nil {
			l.video.bye(int(h.Count), b, arrival)
		}
	}
}

// notOurs checks a reporter's SSRC for a collision with ours.
func (l *Leg) notOurs(ssrc uint32, arrival int64) bool {
	return ssrc != l.ssrc.Load() || !l.collide(arrival)
}

const reportBlock = 24

// readBlocks looks for what the peer says about our stream.
func (l *Leg) readBlocks(n int, b []byte, arrival int64) {
	var r rtcp.ReceptionReport
	for ; n > 0 && len(b) >= reportBlock; n, b = n-1, b[reportBlock:] {
		if r.Unmarshal(b) != nil {
			continue
		}
		if l.video != nil && r.SSRC == l.video.rtx.ssrc.Load() {
			l.video.reported(&r, true, arrival)
		}
		if r.SSRC != l.ssrc.Load() {
			continue
		}
		c := &l.count
		c.remoteFraction.Store(uint32(r.FractionLost))
		c.remoteLost.Store(int64(int32(r.TotalLost<<8) >> 8))
		if rate := l.timeline.rate; rate != 0 {
			c.remoteJitter.Store(int64(uint64(r.Jitter) * uint64(time.Second) / uint64(rate)))
		}
		if r.LastSenderReport != 0 {
			c.measured(middle(stamps.ntp(arrival)) - r.LastSenderReport - r.Delay)
		}
		if l.video != nil {
			l.video.reported(&r, false, arrival)
		}
	}
}

// measured takes a round trip in 1/65536 seconds (section 6.4.1). A peer whose clock is
// coarse can make it negative; nonsense is left out.
func (c *counters) measured(trip uint32) {
	if d := int32(trip); d < 0 {
		if d > -65536/10 {
			c.roundTrip.Store(1)
		}
		return
	}
	if trip < 60<<16 {
		c.roundTrip.Store(max(1, int64(uint64(trip)*uint64(time.Second)>>16)))
	}
}

// ntp returns a monotonic time as an NTP timestamp (RFC 3550 section 4).
func (s *stamper) ntp(t int64) uint64 {
	real := t + s.offset.Load()
	const from1900to1970 = 2_208_988_800
	sec, ns := real/int64(time.Second), real%int64(time.Second)
	return uint64(sec+from1900to1970)<<32 | uint64(ns)<<32/uint64(time.Second)
}

func middle(ntp uint64) uint32 { return uint32(ntp >> 16) }
