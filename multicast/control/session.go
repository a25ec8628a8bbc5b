package control

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/pion/rtcp"

	"github.com/confd/confd/multicast/feedback"
	"github.com/confd/confd/transport"
	requests "github.com/confd/confd/transport/feedback"
	"github.com/confd/confd/transport/repair"
)

const (
	tokenLife  = 10 * time.Minute // of a port mapping token
	answerRate = 1000             // tokens and refusals a second: none is larger than what asked for it
	housekeep  = time.Second      // between looks at the stream, the audience and timeouts
	flashPause = 20 * time.Millisecond
	flashGroup = 8   // receivers from which on a group's doubling is told at once
	likelySize = 120 // of a receiver's report in bytes, UDP and IP included
	minPublish = time.Second
)

// outlet is where a session sends to; it protects what it is given. Sizes are UDP payload in bytes, 0
// for what was not taken.
type outlet interface {
	control(b []byte) int                  // RTCP, to the group
	media(b []byte, to netip.AddrPort) int // RTP, to a listener, or to the group if that is invalid
	answer(b []byte, to netip.AddrPort)    // RTCP, to a listener
}

// session is a group's RTCP without sockets and clocks: datagrams and times are given, and
// what it sends goes to an outlet. It has one user at a time.
type session struct {
	config   *Config
	out      outlet
	count    *counters
	audience *audience
	repairer *repairer
	mint     *feedback.Mint
	answers  bucket
	ntp      func(now int64) uint64
	publish  func(*Audience)

	target   netip.AddrPort
	overhead int
	timer    feedback.Timer // ours
	sizes    feedback.Timer // the receivers', for the average size of their reports

	ssrc      uint32 // of the stream, as last seen
	before    uint32 // the one that it had before
	now       int64
	kept      int64 // last housekeeping
	published int64
	announced int   // receivers, as last told to the group
	reported  int64 // when
	conflicts map[netip.AddrPort]bool
	collided  int64
	scratch   []byte
}

func newSession(c *Config, out outlet, count *counters, target netip.AddrPort, now int64) *session {
	s := &session{config: c, out: out, count: count, audience: newAudience(), repairer: newRepairer(c, out, count),
		mint: feedback.NewMint(tokenLife), answers: newBucket(answerRate, answerRate), ntp: transport.NTP,
		publish: func(*Audience) {}, target: target, overhead: feedback.Overhead(target.Addr().Is6()),
		conflicts: make(map[netip.AddrPort]bool), now: now, kept: now}
	s.timer = feedback.Timer{Bandwidth: c.Bandwidth, Sender: true}
	s.timer.Start(now, 1, 2*likelySize)
	s.sizes.Start(now, 1, likelySize)
	return s
}

// next returns when due is to be called at the latest.
func (s *session) next() int64 {
	at := min(s.timer.Next(), s.kept+int64(housekeep))
	if answer := s.repairer.next(); answer != 0 {
		at = min(at, answer)
	}
	if s.flash() {
		at = min(at, s.reported+int64(flashPause))
	}
	return at
}

// due does what is due at now.
func (s *session) due(now int64) {
	s.now = now
	s.repairer.answer(now)
	if now-s.kept >= int64(housekeep) {
		s.keep(now)
	}
	if s.timer.Due(now) || s.flash() && now-s.reported >= int64(flashPause) {
		s.report(now)
	}
}

// flash tells whether the group has doubled since it was last told of its size. It is told at
// once then, because receivers that know how many they are hold their reports back.
func (s *session) flash() bool {
	return s.audience.estimate >= max(flashGroup, 2*s.announced)
}

// keep drains the stream's history and looks after the audience, once a second.
func (s *session) keep(now int64) {
	s.kept = now
	s.repairer.history.drain(s.config.History, now)
	s.repairer.expire(now)
	sent := s.config.Sent()
	s.follow(sent.SSRC)
	s.audience.expire(now, feedback.Interval(s.audience.estimate, s.config.Bandwidth.Receivers, s.sizes.Size(), feedback.Minimum))
	if s.audience.changed && now-s.published >= int64(minPublish) {
		s.published = now
		s.audience.summarise()
		s.publish(s.audience.view(sent.Rate))
	}
}

// take reads a datagram of feedback, opened already if the group has a key. On the group
// anyone's is heard, our own included, which the caller leaves out.
func (s *session) take(b []byte, from netip.AddrPort, onGroup bool, now int64) {
	s.now = now
	s.follow(s.config.Sent().SSRC)
	walk := feedback.Read(b)
	m := message{session: s, from: from, onGroup: onGroup, size: len(b), now: now}
	known := 0
	for p, ok := walk.Next(); ok; p, ok = walk.Next() {
		if m.read(&p) {
			known++
		}
	}
	if known == 0 {
		s.count.malformed.Add(1)
		return
	}
	s.sizes.Heard(len(b) + s.overhead)
}

// message is one datagram as it is read.
type message struct {
	*session
	from    netip.AddrPort
	onGroup bool
	size    int  // of the whole datagram, bytes, opened
	proven  bool // a good token was shown
	now     int64
}

// read takes one packet and tells whether it is one that may be expected.
func (m *message) read(p *feedback.Packet) bool {
	switch p.Type {
	case rtcp.TypeSenderReport, rtcp.TypeReceiverReport:
		return m.hear(p)
	case rtcp.TypeGoodbye:
		return m.leave(p)
	case feedback.TypeToken:
		return m.token(p)
	case rtcp.TypeTransportSpecificFeedback:
		return m.nack(p)
	case rtcp.TypePayloadSpecificFeedback:
		return m.config.KeyFrame != nil && m.refresh(p)
	}
	return p.Type == rtcp.TypeSourceDescription
}

func (m *message) hear(p *feedback.Packet) bool {
	ssrc := p.SSRC()
	switch {
	case len(p.Body) < 4:
		return false
	case ssrc == m.ssrc && ssrc != 0:
		if m.onGroup {
			m.collide(m.from, m.now)
		} else {
			m.count.foreign.Add(1)
		}
		return true
	}
	r, about := p.ReportOn(m.ssrc)
	if p.Count > 0 && !about {
		m.count.foreign.Add(1)
		return true
	}
	told := &r
	if !about {
		told = nil
	}
	if !m.audience.heard(ssrc, told, m.now) {
		m.count.unsampled.Add(1)
	}
	if about && m.config.Reported != nil {
		m.config.Reported(m.from.Addr())
	}
	return true
}

func (m *message) leave(p *feedback.Packet) bool {
	if len(p.Body) < 4 || p.Count == 0 {
		return false
	}
	m.count.byes.Add(1)
	if ssrc := p.SSRC(); ssrc != m.ssrc {
		m.audience.remove(ssrc)
	}
	return true
}

func (m *message) token(p *feedback.Packet) bool {
	t, ok := feedback.ReadToken(p)
	switch {
	case !ok || m.onGroup:
		return false
	case t.Kind == feedback.PortMappingRequest:
		if m.size < feedback.ResponseSize || !m.answers.take(1, m.now) {
			m.count.refused.Add(1)
			return true
		}
		answer := m.mint.Answer(&t, m.from.Addr(), m.ssrc, m.ntp(m.now))
		m.reply(&answer)
		m.count.tokens.Add(1)
	case t.Kind == feedback.TokenVerification:
		m.proven = m.mint.Good(&t, m.from.Addr(), m.ntp(m.now))
	}
	return true
}

// reply sends a token packet back; it is reduced-size (RFC 5506).
func (m *message) reply(t *feedback.Token) {
	m.scratch = feedback.AppendToken(m.scratch[:0], t)
	m.out.answer(m.scratch, m.from)
}

func (m *message) nack(p *feedback.Packet) bool {
	media, fci, ok := p.NACK()
	lost, whole := repair.ReadNACK(fci)
	switch {
	case !ok || !whole || m.onGroup:
		return false
	case media != m.ssrc && media != m.before:
		m.count.foreign.Add(1)
	case !m.proven:
		m.count.unproven.Add(1)
		if m.answers.take(1, m.now) {
			m.reply(&feedback.Token{Kind: feedback.TokenFailure, SSRC: m.ssrc, Client: p.SSRC(), Refused: *p})
		}
	default:
		m.count.nacks.Add(1)
		m.repairer.history.drain(m.config.History, m.now)
		m.repairer.want(media, lost, m.from, m.now)
	}
	return true
}

// refresh takes a wish for a key frame, by PLI or FIR. It needs no token: nothing is sent to
// whoever wishes, and all wishes together come to no more than one does. On the group it is
// taken, too, since players that know no feedback target send it there.
func (m *message) refresh(p *feedback.Packet) bool {
	if len(p.Body) < 8 {
		return false
	}
	switch about := binary.BigEndian.Uint32(p.Body[4:]); {
	case p.Count == requests.FormatPLI && about == m.ssrc, p.Count == requests.FormatFIR && m.namesUs(p.Body[8:]):
		m.config.KeyFrame()
	case p.Count == requests.FormatPLI, p.Count == requests.FormatFIR:
		m.count.foreign.Add(1)
	default:
		return false
	}
	return true
}

// namesUs tells whether a FIR is about the stream.
func (m *message) namesUs(fci []byte) bool {
	all, _ := requests.ReadFIR(fci)
	for r, ok := all.Next(); ok; r, ok = all.Next() {
		if r.SSRC == m.ssrc {
			return true
		}
	}
	return false
}
