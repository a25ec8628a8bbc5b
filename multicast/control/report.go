package control

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/pion/rtcp"

	"github.com/confd/confd/multicast/feedback"
	"github.com/confd/confd/transport"
)

// report sends a compound packet to the group: SR, SDES, and RSI about the stream's
// receivers (RFC 5760 section 7.1).
func (s *session) report(now int64) {
	sent := s.config.Sent()
	s.follow(sent.SSRC)
	b := s.preface(s.scratch[:0], &sent, now)
	summary := feedback.Summary{SSRC: sent.SSRC, Summarised: sent.SSRC, NTP: s.ntp(now), Target: s.target,
		Group: &feedback.GroupSize{Receivers: uint32(s.audience.estimate), AverageSize: uint16(min(s.sizes.Size(), 65535))}}
	s.audience.describe(&summary)
	s.scratch = feedback.AppendSummary(b, &summary)
	if s.out.control(s.scratch) == 0 {
		s.count.failed.Add(1)
	} else {
		s.count.reports.Add(1)
	}
	s.timer.Sent(now, len(s.scratch)+s.overhead)
	s.announced, s.reported = s.audience.estimate, now
}

// preface writes what every compound packet begins with (RFC 3550 section 6.1): a sender
// report, or an empty receiver report where nothing was sent under this SSRC.
func (s *session) preface(b []byte, sent *transport.SenderInfo, now int64) []byte {
	if sent.Packets > 0 {
		b = transport.AppendSenderReport(b, sent, now, 0)
	} else {
		b = binary.BigEndian.AppendUint32(append(b, 2<<6, byte(rtcp.TypeReceiverReport), 0, 1), sent.SSRC)
	}
	return transport.AppendCNAME(b, sent.SSRC, s.config.CNAME)
}

// bye leaves an SSRC at once (RFC 3550 section 6.3.7): of all members one alone says BYE to
// the group, so that there is nothing to back off from.
func (s *session) bye(ssrc uint32, now int64) {
	sent := s.config.Sent()
	if sent.SSRC != ssrc {
		sent = transport.SenderInfo{SSRC: ssrc}
	}
	s.scratch = transport.AppendBye(s.preface(s.scratch[:0], &sent, now), ssrc)
	if s.out.control(s.scratch) == 0 {
		s.count.failed.Add(1)
	}
}

// follow says BYE for an SSRC that the stream has given up.
func (s *session) follow(ssrc uint32) {
	if ssrc == s.ssrc {
		return
	}
	s.before, s.ssrc = s.ssrc, ssrc
	if s.before != 0 {
		s.bye(s.before, s.now)
	}
}

const (
	collisionPause = time.Minute // between two changes of SSRC
	maxConflicts   = 8
)

// collide looks at a report of our own SSRC that someone else sends to the group (RFC 3550
// section 8.2). The stream takes another; who uses that, too, sends our packets back
// and is ignored. A liar can make it change once a minute.
func (s *session) collide(from netip.AddrPort, now int64) {
	s.count.collisions.Add(1)
	if s.conflicts[from] || s.config.Collided == nil || s.collided != 0 && now-s.collided < int64(collisionPause) {
		return
	}
	if len(s.conflicts) >= maxConflicts {
		clear(s.conflicts)
	}
	s.conflicts[from], s.collided = true, now
	s.config.Collided()
}
