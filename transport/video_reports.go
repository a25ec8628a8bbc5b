package transport

import (
	"time"

	"github.com/pion/rtcp"

	"github.com/confd/confd/media"
	"github.com/confd/confd/transport/feedback"
	"github.com/confd/confd/transport/repair"
)

const (
	// A sender's idea of what we can take lives on reports; RFC 3550 section 6.2 allows
	// 360/kbit/s seconds for sessions of two, and this is more. Who sends nothing needs only
	// our sender reports, as often as with sound: for an audience of hundreds that is what counts.
	videoReports = time.Second
	// Transport-wide feedback is due this often, if there is any.
	transportReports = int64(100 * time.Millisecond)
	maxNACKs         = 4 // messages in one datagram, of up to 32 entries
)

// limits are what the peer and we ask each other not to exceed (RFC 5104 section 4.2).
type limits struct {
	bitrate   uint64         // asked of the peer, 0 = nothing
	confirmed bool           // the peer has said that it keeps to it
	bound     feedback.Limit // asked of us, by whom
	owed      bool           // the answer to that
}

// confirm takes note that the peer keeps to a bit rate, which may be less than we asked for.
func (l *limits) confirm(bitrate uint64) {
	if bitrate <= l.bitrate {
		l.confirmed = true
	}
}

// due sends what has to go out by now.
func (v *VideoLeg) due(m *scratch, now int64) {
	l := &v.leg
	if r := &l.report; r.next != 0 && now >= r.next {
		every := videoReports
		if v.heardSince() == 0 {
			every = reportInterval
		}
		r.next = now + interval(every)
		l.sendReport(m, now)
		v.publish()
	}
	if v.asked.owed {
		v.asked.owed = false
		v.send(m, feedback.AppendTMMBN(v.begin(m), l.ssrc.Load(), v.asked.bound))
	}
	if v.came != nil && v.came.pending && now >= v.came.next && v.setup.params.TransportCC {
		v.came.next = now + transportReports
		v.sendArrivals(m)
	}
}

// begin starts a datagram of feedback: with what RFC 3550 section 6.1 wants in front, unless
// the peer can do without.
func (v *VideoLeg) begin(m *scratch) []byte {
	b, l := m.out[:0], &v.leg
	if v.setup.params.ReducedSize {
		return b
	}
	b = appendReportHeader(b, rtcp.TypeReceiverReport, l.ssrc.Load(), 0, 0)
	return AppendCNAME(b, l.ssrc.Load(), l.cname)
}

// send sends a datagram of feedback.
func (v *VideoLeg) send(m *scratch, b []byte) {
	v.count.feedbackOut.Add(1)
	v.leg.sendControl(m, b)
}

// ready tells whether feedback may be sent.
func (v *VideoLeg) ready() bool { return v.setup != nil && !v.leg.closed.Load() }

// about returns the SSRC of an encoding: heard, or at least signalled; 0 if it is not known.
func (v *VideoLeg) about(encoding uint8) uint32 {
	if int(encoding) >= v.setup.encodings {
		return 0
	}
	if s := v.place(encoding, videoMain); s.active {
		return s.ssrc
	}
	if ssrcs := v.setup.params.SSRCs; int(encoding) < len(ssrcs) {
		return ssrcs[encoding].Main
	}
	return 0
}

// RequestKeyFrame asks the peer for a key frame, by PLI or else FIR. False: neither was
// negotiated. Nothing is sent, and it is true, as long as the encoding has not been heard.
// How often to ask is the caller's to decide.
func (v *VideoLeg) RequestKeyFrame(now int64, encoding uint8) bool {
	if !v.ready() || !v.setup.params.PLI && !v.setup.params.FIR {
		return false
	}
	ssrc := v.about(encoding)
	if ssrc == 0 {
		return true
	}
	m := scratches.Get().(*scratch)
	b, own := v.begin(m), v.leg.ssrc.Load()
	if v.setup.params.PLI {
		v.count.pliOut.Add(1)
		b = feedback.AppendPLI(b, own, ssrc)
	} else {
		v.count.firOut.Add(1)
		v.refreshes++
		b = feedback.AppendFIR(b, own, feedback.Refresh{SSRC: ssrc, Sequence: v.refreshes})
	}
	v.send(m, b)
	scratches.Put(m)
	return true
}

// NACK asks the peer for lost packets of an encoding, given in order; of more than fit into
// one datagram the rest is not asked for. False: it was not negotiated.
func (v *VideoLeg) NACK(now int64, encoding uint8, lost []uint16) bool {
	if !v.ready() || !v.setup.params.NACK {
		return false
	}
	ssrc := v.about(encoding)
	if ssrc == 0 || len(lost) == 0 {
		return true
	}
	m := scratches.Get().(*scratch)
	b := v.begin(m)
	for range maxNACKs {
		if len(lost) == 0 {
			break
		}
		n := 0
		at := len(b)
		b = feedback.Append(b, feedback.TypeTransport, feedback.FormatNACK, v.leg.ssrc.Load(), ssrc, 0)
		b, n = repair.AppendNACK(b, lost)
		feedback.Fill(b[at:])
		v.count.nackedOut.Add(uint64(n))
		lost = lost[n:]
	}
	v.count.nackOut.Add(1)
	v.send(m, b)
	scratches.Put(m)
	return true
}

// LimitBitrate asks the peer to send no more bits a second, by REMB, TMMBR or both, now and
// with each report until it is known to keep to it; 0 asks no longer. False: neither was
// negotiated.
func (v *VideoLeg) LimitBitrate(now int64, bitsPerSecond uint64) bool {
	if !v.ready() || !v.setup.params.REMB && !v.setup.params.TMMBR {
		return false
	}
	v.asked.bitrate, v.asked.confirmed = bitsPerSecond, false
	m := scratches.Get().(*scratch)
	head := v.begin(m)
	if b := v.appendLimits(head); len(b) > len(head) {
		v.send(m, b)
	}
	scratches.Put(m)
	return true
}

// appendLimits writes what is asked of the peer. REMB is forgotten if it is not repeated;
// TMMBR is repeated until it is confirmed, and has no meaning for several sources at once.
func (v *VideoLeg) appendLimits(b []byte) []byte {
	p, ask := &v.setup.params, &v.asked
	if ask.bitrate == 0 {
		return b
	}
	var room [MaxEncodings]uint32
	ssrcs := room[:0]
	for e := range uint8(v.setup.encodings) {
		if ssrc := v.about(e); ssrc != 0 {
			ssrcs = append(ssrcs, ssrc)
		}
	}
	own := v.leg.ssrc.Load()
	if p.REMB && len(ssrcs) > 0 {
		b = feedback.AppendREMB(b, own, ask.bitrate, ssrcs...)
	}
	if p.TMMBR && len(ssrcs) == 1 && !ask.confirmed {
		b = feedback.AppendTMMBR(b, own, feedback.Limit{SSRC: ssrcs[0], Bitrate: ask.bitrate, Overhead: limitOverhead})
	}
	return b
}

// limitOverhead is what IPv4 and UDP add to a packet, bytes.
const limitOverhead = 28

// heardSince returns how many sources were heard since the last report.
func (v *VideoLeg) heardSince() (n int) {
	for i := range v.sources {
		if s := &v.sources[i]; s.active && s.got != s.priorGot {
			n++
		}
	}
	return n
}

// appendBlocks writes a block about each of them.
func (v *VideoLeg) appendBlocks(b []byte, now int64) []byte {
	for i := range v.sources {
		if s := &v.sources[i]; s.active && s.got != s.priorGot {
			b = appendBlock(b, &s.reception, s.lastSR, s.srTime, now)
		}
	}
	return b
}

// appendMore writes what a report has beside the stream of egress itself: that of
// retransmissions, and what is asked of the peer.
func (v *VideoLeg) appendMore(b []byte, now int64) []byte {
	x := &v.rtx
	if x.packets != x.atLast {
		x.atLast = x.packets
		ssrc := x.ssrc.Load()
		b = AppendSenderReport(b, &SenderInfo{
			SSRC: ssrc, Timestamp: x.stamp, Rate: media.VideoRate, SentAt: x.stampTime,
			Packets: x.packets, Octets: x.octets,
		}, now, 0)
		b = AppendCNAME(b, ssrc, v.leg.cname)
	}
	if v.setup == nil {
		return b
	}
	return v.appendLimits(b)
}

// sendArrivals sends transport-wide feedback about what has come since the last.
func (v *VideoLeg) sendArrivals(m *scratch) {
	for range len(v.came.times)/feedback.MaxReported + 1 {
		if !v.came.pending {
			return
		}
		head := v.begin(m)
		if b := v.came.append(head, v.leg.ssrc.Load()); len(b) > len(head) {
			v.send(m, b)
		}
	}
}
