package control

import (
	"net/netip"
	"time"

	"github.com/pion/rtcp"

	"github.com/confd/confd/multicast/feedback"
)

// Sent is what a stream has sent so far, for sender reports.
type Sent struct {
	SSRC    uint32
	Packets uint32
	Octets  uint32 // of payload
	Stamp   uint32 // RTP timestamp of the last packet
	At      int64  // when that went out, on the scale of clock.Now
	Rate    uint32 // timestamp units per second
}

// stamp returns the RTP timestamp that the media clock has at now.
func (s *Sent) stamp(now int64) uint32 {
	return s.Stamp + uint32((now-s.At)/1000*int64(s.Rate)/int64(time.Second/1000))
}

// ntp returns a time as RTCP has it (RFC 3550 section 4).
func ntp(t time.Time) uint64 {
	const from1900to1970 = 2_208_988_800
	return uint64(t.Unix()+from1900to1970)<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}

// report sends a compound packet to the group: SR, SDES, and RSI about the stream's
// receivers (RFC 5760 section 7.1).
func (s *session) report(now int64) {
	sent, at := s.config.Sent(), ntp(s.wall())
	s.follow(sent.SSRC)
	b := append(s.scratch[:0], s.preface(&sent, now, at)...)
	summary := feedback.Summary{SSRC: sent.SSRC, Summarised: sent.SSRC, NTP: at, Target: s.target,
		Group: &feedback.GroupSize{Receivers: uint32(s.audience.estimate), AverageSize: uint16(min(s.sizes.Size(), 65535))}}
	s.audience.describe(&summary)
	s.scratch = feedback.AppendSummary(b, &summary)
	n := s.out.control(s.scratch)
	s.timer.Sent(now, n+s.overhead)
	s.announced, s.reported = s.audience.estimate, now
	s.count.reports.Add(1)
}

// preface writes what every compound packet begins with (RFC 3550 section 6.1).
func (s *session) preface(sent *Sent, now int64, at uint64) []byte {
	var first rtcp.Packet = &rtcp.ReceiverReport{SSRC: sent.SSRC}
	if sent.Packets > 0 {
		first = &rtcp.SenderReport{SSRC: sent.SSRC, NTPTime: at, RTPTime: sent.stamp(now), PacketCount: sent.Packets, OctetCount: sent.Octets}
	}
	b, err := rtcp.Marshal([]rtcp.Packet{first, rtcp.NewCNAMESourceDescription(sent.SSRC, s.config.CNAME)})
	if err != nil { // the CNAME's length was checked
		s.count.failed.Add(1)
	}
	return b
}

// bye leaves an SSRC at once (RFC 3550 section 6.3.7): of all members one alone says BYE to
// the group, so that there is nothing to back off from.
func (s *session) bye(ssrc uint32, now int64) {
	sent := s.config.Sent()
	sent.SSRC = ssrc
	goodbye, _ := (&rtcp.Goodbye{Sources: []uint32{ssrc}}).Marshal() // one source fits
	s.out.control(append(s.preface(&sent, now, ntp(s.wall())), goodbye...))
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
