package transport

import (
	"encoding/binary"

	"github.com/pion/rtcp"
)

// sendReport sends SR or RR with SDES (RFC 3550 section 6.1). Reports flow whatever the
// direction of media, and keep address translators open.
func (l *Leg) sendReport(m *scratch, now int64) {
	b := l.appendReport(m.out[:0], l.ssrc.Load(), now)
	b = AppendCNAME(b, l.ssrc.Load(), l.cname)
	if l.video != nil {
		b = l.video.appendMore(b, now)
	}
	l.sendControl(m, b)
	l.report.atLast = l.report.packets
}

// sayBye leaves an SSRC (section 6.3.7). Who never sent anything says nothing.
func (l *Leg) sayBye(ssrc uint32) {
	if !l.report.spoke || l.setup == nil {
		return
	}
	m := scratches.Get().(*scratch)
	b := l.appendReport(m.out[:0], ssrc, l.lastPoll)
	b = AppendBye(AppendCNAME(b, ssrc, l.cname), ssrc)
	if l.video != nil && l.closed.Load() && l.video.rtx.packets > 0 {
		b = AppendBye(b, l.video.rtx.ssrc.Load())
	}
	l.sendControl(m, b)
	scratches.Put(m)
}

// sendControl protects and sends a compound packet.
func (l *Leg) sendControl(m *scratch, b []byte) {
	r, mux := &l.report, l.setup.params.RTCPMux
	to := r.remote
	if mux {
		to = l.latch.remote
	}
	if !usable(to) {
		return
	}
	if !l.admitsControl(to.Addr()) {
		l.count.withheld.Add(1)
		return
	}
	b = l.crypto.sealControl(m.secure[:0], b)
	if b == nil {
		l.count.failed.Add(1)
		return
	}
	var v verdict
	switch {
	case mux:
		v = l.write(b)
	case r.connected:
		v = l.rtcp.send(b)
	default:
		v = l.rtcp.sendTo(b)
	}
	if v != ioDone {
		l.count.sent(v, 0)
		return
	}
	l.count.rtcpOut.Add(1)
	l.report.spoke = true
}

// appendReport writes a sender report if RTP was sent since the last report, else a
// receiver report, with a block about the peer if it was heard since then.
func (l *Leg) appendReport(b []byte, ssrc uint32, now int64) []byte {
	r, blocks := &l.report, 0
	if l.video != nil {
		blocks = l.video.heardSince()
	} else if l.reception.active && l.reception.got != l.reception.priorGot {
		blocks = 1
	}
	if r.packets != r.atLast {
		b = AppendSenderReport(b, &SenderInfo{
			SSRC: ssrc, Timestamp: l.lastStamp, Rate: l.timeline.rate, SentAt: l.stampTime,
			Packets: r.packets, Octets: r.octets,
		}, now, blocks)
	} else {
		b = appendReportHeader(b, rtcp.TypeReceiverReport, ssrc, 0, blocks)
	}
	switch {
	case l.video != nil:
		return l.video.appendBlocks(b, now)
	case blocks == 0:
		return b
	case r.peerSSRC != l.reception.ssrc:
		return appendBlock(b, &l.reception, 0, 0, now)
	}
	return appendBlock(b, &l.reception, r.lastSR, r.lastSRTime, now)
}

// appendBlock writes a reception report block (section 6.4.1) about a source whose last
// sender report had, at its arrival, the middle of an NTP time; 0 = none did.
func appendBlock(b []byte, s *reception, lastSR uint32, srTime, now int64) []byte {
	lost := uint32(max(min(s.lost(), 1<<23-1), -1<<23)) & 0xffffff
	b = binary.BigEndian.AppendUint32(b, s.ssrc)
	b = binary.BigEndian.AppendUint32(b, uint32(s.fraction())<<24|lost)
	b = binary.BigEndian.AppendUint32(b, s.extended())
	b = binary.BigEndian.AppendUint32(b, s.jitter>>4)
	if srTime == 0 {
		return append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	b = binary.BigEndian.AppendUint32(b, lastSR)
	return binary.BigEndian.AppendUint32(b, uint32(units(max(now-srTime, 0), 65536)))
}
