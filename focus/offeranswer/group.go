package offeranswer

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Group is a multicast group that a room is sent to: what its description says, so that a
// session can offer it and know it when it is offered. A value is read only; it may be shared.
type Group struct {
	at    netip.AddrPort // of RTP
	conn  string         // of c=, with the TTL
	line  section        // the m= line, with attributes of the session that a medium may have
	first string         // the format that is sent; the others help
}

// ParseGroup reads the description of a receive-only group with one audio stream. Its error
// is an *Error with code Internal: descriptions of groups are the server's own.
func ParseGroup(sdp []byte) (*Group, error) {
	d, err := parse(sdp)
	if err != nil {
		return nil, internal("description of a group: %v", err)
	}
	if len(d.media) != 1 || d.direction(&d.media[0]) != RecvOnly || len(d.media[0].formats) == 0 {
		return nil, internal("description of a group: one m= line with a=recvonly is wanted")
	}
	g := &Group{line: d.media[0]}
	conn := d.connection(&g.line)
	g.conn, g.first = conn.text, g.line.formats[0]
	addr, ok := parseMulticast(conn.text)
	if _, known := secure(g.line.proto); !ok || !known || g.line.port == 0 {
		return nil, internal("description of a group: c=%s m=%s %d %s is no group", quote(conn.text), g.line.media, g.line.port, quote(g.line.proto))
	}
	g.at = netip.AddrPortFrom(addr, uint16(g.line.port))
	g.line.attrs = slices.Concat(d.attrs, g.line.attrs)
	return g, nil
}

// Address returns where the group's RTP goes.
func (g *Group) Address() netip.AddrPort { return g.at }

// ReportBandwidth returns what the group's receivers may use for their reports together, bits
// per second (b=RR, RFC 3556); 0 if that is not said.
func (g *Group) ReportBandwidth() int {
	for _, b := range g.line.bands {
		if rate, ok := strings.CutPrefix(b, "RR:"); ok {
			n, _ := strconv.Atoi(rate)
			return max(n, 0)
		}
	}
	return 0
}

// Secure tells whether the group is encrypted.
func (g *Group) Secure() bool {
	encrypted, _ := secure(g.line.proto)
	return encrypted
}

// Equal tells whether both are described alike, the first of their keys included: those behind
// it are on their way out, and that they are gone is no news.
func (g *Group) Equal(o *Group) bool {
	if g == nil || o == nil {
		return g == o
	}
	return g.essence() == o.essence()
}

func (g *Group) essence() string {
	var b strings.Builder
	for line := range strings.Lines(g.all().text()) {
		if strings.HasPrefix(line, "a=crypto:") {
			line, _, _ = strings.Cut(line, ";")
		}
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}

// groupLine is the group on the audio line of a session.
type groupLine struct {
	*Group
	formats   []string // of the group's, those that the peer knows
	bands     []string // b= lines
	ptime     bool     // say the packet time
	direction Direction
}

// all is how the group is offered.
func (g *Group) all() *groupLine {
	return &groupLine{Group: g, formats: g.line.formats, bands: g.line.bands, ptime: true, direction: RecvOnly}
}

// write writes the m= line and what belongs to it. As RFC 3264 section 6.2 has it, the
// direction is the group's: both sides say recvonly.
func (l *groupLine) write(b *strings.Builder, slot slot) {
	fmt.Fprintf(b, "m=%s %d %s %s\r\nc=%s\r\n", slot.media, l.at.Port(), slot.proto, strings.Join(l.formats, " "), l.conn)
	for _, band := range l.bands {
		fmt.Fprintf(b, "b=%s\r\n", band)
	}
	for _, a := range l.line.attrs {
		if !l.says(a) {
			continue
		}
		b.WriteString("a=" + a.name)
		if a.name == "source-filter" {
			b.WriteString(": " + a.value) // RFC 4570 section 3 wants the blank
		} else if a.value != "" {
			b.WriteString(":" + a.value)
		}
		b.WriteString("\r\n")
	}
	fmt.Fprintf(b, "a=%s\r\n", l.direction)
}

// says tells whether an attribute of the group is written: the direction stands at the end,
// and what only explains a format goes with the format.
func (l *groupLine) says(a attribute) bool {
	if _, is := parseDirection(a.name); is && a.value == "" {
		return false
	}
	switch a.name {
	case "ptime":
		return l.ptime
	case "rtpmap", "fmtp":
		number, _, _ := strings.Cut(a.value, " ")
		return slices.Contains(l.formats, number)
	}
	return true
}

func (l *groupLine) text() string {
	var b strings.Builder
	l.write(&b, slot{"audio", l.line.proto, ""})
	return b.String()
}

// parseMulticast reads "IN IP4 233.252.0.1/127", for one group; the TTL is not looked at.
func parseMulticast(conn string) (netip.Addr, bool) {
	words := strings.Fields(conn)
	if len(words) != 3 || !strings.EqualFold(words[0], "IN") {
		return netip.Addr{}, false
	}
	host, _, _ := strings.Cut(words[2], "/")
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Zone() != "" || !addr.Unmap().IsMulticast() {
		return netip.Addr{}, false
	}
	// 233.252.0.1/127/3 and ff15::1/3 are three groups (RFC 8866 section 5.7).
	slashes := 1
	if addr.Is6() {
		slashes = 0
	}
	return addr.Unmap(), strings.Count(words[2], "/") <= slashes
}

// names tells whether an m= line of a peer is this group. A nil group is none.
func (g *Group) names(d *description, m *section) bool {
	if g == nil {
		return false
	}
	addr, ok := parseMulticast(d.connection(m).text)
	return ok && addr == g.at.Addr() && m.port == int(g.at.Port())
}

// fit returns what a peer that lists the group makes of it, or why that is not the group:
// RFC 3264 section 6.2 wants everybody to have the same view of it. A peer that holds may be
// inactive.
func (g *Group) fit(d *description, m *section) (*groupLine, *Error) {
	l := &groupLine{Group: g, direction: d.direction(m)}
	for _, f := range g.line.formats {
		if slices.Contains(m.formats, f) {
			l.formats = append(l.formats, f)
		}
	}
	for _, b := range g.line.bands {
		if slices.Contains(m.bands, b) {
			l.bands = append(l.bands, b)
		}
	}
	own, _ := g.line.attr("ptime")
	ptime, said := m.attr("ptime")
	l.ptime = true
	encrypted, known := secure(m.proto)
	switch {
	case !known || encrypted != g.Secure():
		return nil, refused(WarnTransport, m.line, "the group is "+g.line.proto, "profile %s", quote(m.proto))
	case l.direction.Sends():
		return nil, refused(WarnMulticast, m.line, "a=recvonly is wanted", "only the server sends to the group %v", g.at)
	case !slices.Contains(l.formats, g.first):
		return nil, refused(WarnMediaFormat, m.line, "the group is sent under payload type "+g.first, "it is not among the formats")
	case said && parseMilliseconds(ptime.value) != parseMilliseconds(own.value):
		return nil, refused(WarnMediaFormat, ptime.line, "the group's packet time is "+own.value+" ms", "a=ptime is %s", quote(ptime.value))
	}
	return l, nil
}

// allows says whether SRTP's policy lets a group be.
func (c *Capabilities) allows(g *Group) *Error {
	switch {
	case g.Secure() && c.SRTP == SRTPOff:
		return refused(WarnTransport, 0, "", "SRTP is switched off, and the group %v is encrypted", g.at)
	case !g.Secure() && c.SRTP == SRTPRequired:
		return refused(WarnTransport, 0, "", "unencrypted media is not allowed, and the group %v is not encrypted", g.at)
	}
	return nil
}

// answerGroup accepts an m= line that is the room's group.
func (e *exchange) answerGroup(i int) (*stream, *Error) {
	if err := e.caps.allows(e.local.Group); err != nil {
		return nil, err
	}
	m := &e.peer.media[i]
	l, err := e.local.Group.fit(e.peer, m)
	if err != nil {
		return nil, err
	}
	return &stream{index: i, proto: strings.Clone(m.proto), group: l}, nil
}

// OfferGroup offers Local.Group in place of a stream of the session's own: for an INVITE
// without an offer, or to move a listener to the group. With the answer, nothing is sent to
// the peer any more, nor expected of it. What was agreed on before is remembered, so that
// Offer can go back to it. A group that Capabilities.SRTP forbids is NotAcceptable.
//
// The group has payload type numbers of its own, which may mean something else on the
// session's own stream. RFC 3264 section 8.3.2 forbids that within one stream; it is no
// trouble here, as the two are told apart by address.
func OfferGroup(caps Capabilities, local Local, previous *State) (*OfferResult, error) {
	if err := local.check(); err != nil {
		return nil, err
	}
	if local.Group == nil || local.NoAudio {
		return nil, internal("there is no group to offer")
	}
	if err := caps.allows(local.Group); err != nil {
		return nil, err
	}
	o, err := writeGroup(&caps, &local, previous, local.Group, false)
	if err != nil {
		return nil, err
	}
	return o, nil
}

func writeGroup(caps *Capabilities, local *Local, previous *State, g *Group, afresh bool) (*OfferResult, *Error) {
	st := previous.next(local)
	if previous != nil {
		st.slots = slices.Clone(previous.slots)
	}
	st.place(previous, caps)
	st.join(g.all(), st.audio, previous)
	st.slots[st.audio].proto = g.line.proto
	if err := st.offerVideos(caps, local, previous, afresh); err != nil {
		return nil, err
	}
	return &OfferResult{SDP: st.describe(local), previous: previous, state: st}, nil
}

// offerAgain offers the group in use, by its newest description if it is still the same.
func (s *State) offerAgain(caps *Capabilities, local *Local, afresh bool) (*OfferResult, *Error) {
	g := s.group.Group
	if local.Group != nil && local.Group.at == g.at {
		g = local.Group
	}
	return writeGroup(caps, local, s, g, afresh)
}

// Group returns the group that is offered, nil if it is a stream of the session's own.
func (o *OfferResult) Group() *Group {
	return o.state.Group()
}

// Abandoned returns the State after the offer was answered with what cannot be used. It is
// as Rejected, but that a session that began with the offer has an m= line with nothing in it.
func (o *OfferResult) Abandoned() *State {
	if o.previous != nil {
		return o.Rejected()
	}
	s := *o.state
	s.audio, s.group, s.told, s.last = -1, nil, nil, Negotiated{}
	s.watch(slices.Clone(s.videos), false)
	return &s
}

// NamesGroup tells whether a description has a multicast address in a c= line, so that it is
// worth looking for the room's group.
func NamesGroup(sdp []byte) bool {
	for line := range bytes.Lines(sdp) {
		conn, ok := bytes.CutPrefix(line, []byte("c="))
		if !ok {
			continue
		}
		if _, ok := parseMulticast(string(conn)); ok {
			return true
		}
	}
	return false
}

// acceptGroup takes the answer to OfferGroup; what is not the group is refused.
func (e *exchange) acceptGroup(m *section, g *Group) *Error {
	if m.port == 0 {
		return refused(WarnMulticast, m.line, "", "the peer declined the group %v", g.at)
	}
	if !g.names(e.peer, m) {
		return refused(WarnMulticast, m.line, "the answer to a group is the same group (RFC 3264 section 6.2)",
			"%v was offered, c=%s with port %d answered", g.at, quote(e.peer.connection(m).text), m.port)
	}
	_, err := g.fit(e.peer, m)
	return err
}

// join puts the group on the audio line. The session's own stream rests: all that was agreed
// on for it stays, its keys with their contexts among it.
func (s *State) join(l *groupLine, index int, before *State) {
	if before != nil {
		s.spoken, s.told, s.last, s.profile = before.spoken, before.told, before.last, before.profile
		if before.group == nil && before.audio >= 0 {
			s.profile = before.slots[before.audio].proto
		}
	}
	s.audio, s.group = index, l
	n := &s.last
	n.Audio, n.Media, n.Multicast = true, index, l.at
	n.Direction, n.RemoteHold, n.RemoteRTP, n.RemoteRTCP = Inactive, false, netip.AddrPort{}, netip.AddrPort{}
}
