package listen

import (
	"crypto/rand"
	"encoding/base64"
	mathrand "math/rand/v2"
	"net"
	"time"

	"github.com/pion/rtcp"

	"github.com/confd/confd/multicast/feedback"
	"github.com/confd/confd/multicast/groupkey"
	"github.com/confd/confd/transport/repair"
)

const (
	usualReport  = 120              // bytes of a report, headers included, until one was sent
	sizePatient  = 7 * time.Second  // for which we wait to be told how many we are; a sender's reports are mostly less apart
	askRate      = 20               // requests a second, and at once
	tokenSpread  = 20 * time.Second // over which those who join together ask for tokens; a loss asks at once
	tokenPatient = time.Second      // before a token is asked for again, doubling
	tokenMargin  = 2 * time.Second
	fewMembers   = 50 // up to which who leaves says so (RFC 3550 section 6.3.7)
)

// reporter speaks to the feedback target.
type reporter struct {
	conn  *net.UDPConn
	ssrc  uint32
	cname string
	seal  *groupkey.Sealer // nil: plain RTCP
	s     *Session
	timer feedback.Timer
	extra int // of UDP and IP headers

	size   int    // of the group, as RSI tells it
	told   bool   // it has
	sr     uint32 // middle of the last sender report's NTP time
	srAt   int64
	token  pass
	credit float64 // requests that may be made
	since  int64
	lost   []uint16
	wish   wish

	requests, requested, keys, reports, refused uint64
}

// pass is a token (RFC 6284), or the wait for one.
type pass struct {
	nonce, expires uint64
	value          []byte
	until          int64 // to be used no longer
	askAt          int64
	patience       time.Duration
	asking         bool // and not answered yet
	used           bool
}

func newReporter(s *Session, zone string, now int64) (*reporter, error) {
	to := net.UDPAddrFromAddrPort(s.Target)
	if s.Target.Addr().IsLinkLocalUnicast() {
		to.Zone = zone
	}
	conn, err := net.DialUDP("udp", nil, to)
	if err != nil {
		return nil, err
	}
	r := &reporter{conn: conn, ssrc: mathrand.Uint32(), cname: name(), s: s, size: 1, since: now, credit: askRate}
	if s.Key != nil {
		if r.seal, err = groupkey.NewSealer(*s.Key); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	r.extra = feedback.Overhead(s.Target.Addr().Is6())
	r.timer.Bandwidth = s.Bandwidth
	r.timer.Start(now+int64(sizePatient), 1, usualReport)
	r.token.askAt, r.token.patience = now+mathrand.Int64N(int64(tokenSpread)), tokenPatient
	return r, nil
}

// name makes a CNAME as RFC 7022 section 4.2 has it.
func name() string {
	b := make([]byte, 12)
	_, _ = rand.Read(b) // cannot fail
	return base64.RawStdEncoding.EncodeToString(b)
}

// ready tells whether packets can be asked for.
func (r *reporter) ready() bool { return r.s.Asks() && (!r.s.Token || r.token.value != nil) }

// turn sends what is due.
func (r *reporter) turn(t course, now int64) {
	if now >= r.timer.Next() && r.timer.Due(now) {
		n := r.send(r.compound(&t.heard().source, now))
		r.timer.Sent(now, n)
		r.reports++
	}
	if r.s.KeyFrames && r.wish.due(t.lacks(now), r.size, now) {
		r.key(&t.heard().source, now)
	}
	if !r.s.Asks() || !t.heard().begun {
		return
	}
	if r.credit = min(r.credit+askRate*time.Duration(now-r.since).Seconds(), askRate); r.credit < 0 {
		r.credit = 0
	}
	r.since = now
	if when := t.wake(); r.admitted(when != 0 && when <= now, now) && r.credit >= 1 {
		r.request(t, now)
	}
}

// admitted tells whether there is a token, or none is needed, and asks for one.
func (r *reporter) admitted(needed bool, now int64) bool {
	if !r.s.Token {
		return true
	}
	k := &r.token
	if k.value != nil && now >= k.until {
		k.value = nil
		if !k.used {
			k.askAt = feedback.Never // until it is needed
		}
	}
	if k.value == nil && needed && !k.asking {
		k.askAt = now
	}
	if k.value == nil && now >= k.askAt {
		k.nonce, k.asking = mathrand.Uint64(), true
		k.askAt = now + int64(k.patience)
		k.patience = min(2*k.patience, 16*tokenPatient)
		r.send(feedback.AppendToken(r.head(nil), &feedback.Token{Kind: feedback.PortMappingRequest, SSRC: r.ssrc, Nonce: k.nonce}))
	}
	return k.value != nil
}

// request asks for what is missing (RFC 4585 section 6.2.1), showing the token.
func (r *reporter) request(t course, now int64) {
	s := &t.heard().source
	r.lost = t.ask(now, r.lost[:0])
	if len(r.lost) == 0 {
		return
	}
	fci, n := repair.AppendNACK(nil, r.lost)
	var b []byte
	if !r.s.Reduced {
		b = r.compound(s, now)
	}
	if r.s.Token {
		r.token.used = true
		b = feedback.AppendToken(b, &feedback.Token{Kind: feedback.TokenVerification, SSRC: r.ssrc, Nonce: r.token.nonce, Value: r.token.value, Expires: r.token.expires})
	}
	r.send(feedback.AppendNACK(b, r.ssrc, s.ssrc, fci))
	r.credit--
	r.requests++
	r.requested += uint64(n)
}

// head begins a compound packet without a report.
func (r *reporter) head(reports []rtcp.ReceptionReport) []byte {
	b, err := rtcp.Marshal([]rtcp.Packet{
		&rtcp.ReceiverReport{SSRC: r.ssrc, Reports: reports},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: r.ssrc,
			Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: r.cname}}}}},
	})
	if err != nil {
		panic(err) // nothing in it is out of range
	}
	return b
}

// compound begins a packet with a report on the source (RFC 3550 section 6.4.2).
func (r *reporter) compound(s *source, now int64) []byte {
	if !s.active {
		return r.head(nil)
	}
	b := rtcp.ReceptionReport{SSRC: s.ssrc, FractionLost: s.fraction(), TotalLost: s.lost(),
		LastSequenceNumber: s.extended(), Jitter: uint32(s.jitter)}
	if r.sr != 0 {
		b.LastSenderReport, b.Delay = r.sr, uint32(units(now-r.srAt, 65536))
	}
	return r.head([]rtcp.ReceptionReport{b})
}

// send sends to the target and returns the size with headers. What cannot be sent is lost,
// as feedback may be.
func (r *reporter) send(b []byte) int {
	if r.seal != nil {
		b = r.seal.RTCP(nil, b)
	}
	_, _ = r.conn.Write(b)
	return len(b) + r.extra
}

// heard takes the sender's reports to the group: its clock, and how many we are.
func (r *reporter) heard(b []byte, ssrc uint32, now int64) {
	c := feedback.Read(b)
	for p, ok := c.Next(); ok; p, ok = c.Next() {
		if i, is := p.SenderInfo(); is && p.SSRC() == ssrc {
			r.sr, r.srAt = uint32(i.NTP>>16), now
		}
		if s, is := feedback.ReadSummary(&p); is && s.Group != nil {
			r.sized(int(max(s.Group.Receivers, 1)), now)
			if s.Group.AverageSize > 0 {
				r.timer.Sized(int(s.Group.AverageSize))
			}
		}
	}
}

// sized takes how many we are. Only then the time of the first report can be chosen: thousands
// who join together, each of whom takes itself for the only one, would all report within seconds.
func (r *reporter) sized(n int, now int64) {
	if !r.told && r.reports == 0 {
		r.timer.Start(now, n, usualReport)
	}
	r.told, r.size = true, n
	r.timer.Members(now, n)
}

// answer takes what the target says about tokens.
func (r *reporter) answer(b []byte, now int64) {
	c := feedback.Read(b)
	for p, ok := c.Next(); ok; p, ok = c.Next() {
		t, is := feedback.ReadToken(&p)
		k := &r.token
		switch {
		case !is || t.Client != r.ssrc:
		case t.Kind == feedback.PortMappingResponse && t.Nonce == k.nonce && k.value == nil && len(t.Value) > 0:
			k.value, k.expires, k.used, k.asking = append([]byte(nil), t.Value...), t.Expires, false, false
			life := min(time.Duration(t.Lifetime)*time.Second, 24*time.Hour)
			k.until = now + int64(max(life-tokenMargin, life/2))
			k.askAt, k.patience = now, tokenPatient
		case t.Kind == feedback.TokenFailure && k.value != nil:
			k.value, k.askAt = nil, now+int64(k.patience)
			r.refused++
		}
	}
}

// bye leaves, without a word if the group is large: then it would have to wait.
func (r *reporter) bye(s *source, now int64) {
	if r.size > fewMembers || r.reports == 0 && r.requests == 0 {
		return
	}
	bye, err := (&rtcp.Goodbye{Sources: []uint32{r.ssrc}}).Marshal()
	if err == nil {
		r.send(append(r.compound(s, now), bye...))
	}
}

func (r *reporter) tell(s *Stats) {
	s.Requests, s.Requested, s.KeyFrames, s.Reports, s.Refused = r.requests, r.requested, r.keys, r.reports, r.refused
	s.GroupSize = r.size
}
