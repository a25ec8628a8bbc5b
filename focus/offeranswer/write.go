package offeranswer

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// ownAudio is our side of the audio m= line.
type ownAudio struct {
	payloads  []payload // in our order
	ptime     int       // ms, 0 to say nothing
	mux       bool
	muxed     bool // mux is settled, so that no RTCP port needs to be told
	levels    levels
	crypto    []cryptoLine
	direction Direction
}

// describe writes our description from slots and what is told. The state takes over the new body
// and, if that is not what we said before, the next version.
func (s *State) describe(local *Local) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "s=-\r\nc=%s\r\nt=%s\r\n", connection(local.Address.Unmap().WithZone("")), s.time)
	for i, slot := range s.slots {
		if i == s.audio && s.group != nil {
			s.group.write(&b, slot)
			continue
		}
		if i == s.audio && s.told != nil {
			s.told.write(&b, slot, local)
			continue
		}
		if v := s.video(i); v != nil && v.told != nil {
			v.told.write(&b, slot, local)
			continue
		}
		fmt.Fprintf(&b, "m=%s 0 %s %s\r\n", slot.media, slot.proto, slot.format)
	}
	if s.body != "" && s.body != b.String() {
		s.version++
	}
	s.body = b.String()
	return fmt.Appendf(nil, "v=0\r\no=%s %d %d %s\r\n%s", s.user, s.id, s.version, connection(s.address), s.body)
}

func connection(a netip.Addr) string {
	if a.Is4() {
		return "IN IP4 " + a.String()
	}
	return "IN IP6 " + a.String()
}

func (o *ownAudio) write(b *strings.Builder, slot slot, local *Local) {
	fmt.Fprintf(b, "m=%s %d %s", slot.media, local.RTPPort, slot.proto)
	for _, p := range o.payloads {
		b.WriteString(" " + strconv.Itoa(int(p.number)))
	}
	b.WriteString("\r\n")
	for _, p := range o.payloads {
		fmt.Fprintf(b, "a=rtpmap:%d %s\r\n", p.number, p.rtpmap())
		if p.params != "" {
			fmt.Fprintf(b, "a=fmtp:%d %s\r\n", p.number, p.params)
		}
	}
	if o.ptime > 0 {
		fmt.Fprintf(b, "a=ptime:%d\r\n", o.ptime)
	}
	o.writeTransport(b, local)
	fmt.Fprintf(b, "a=%s\r\n", o.direction)
}

func (o *ownAudio) writeTransport(b *strings.Builder, local *Local) {
	if !o.muxed && local.rtcpPort() != local.RTPPort+1 {
		fmt.Fprintf(b, "a=rtcp:%d\r\n", local.rtcpPort())
	}
	if o.mux {
		b.WriteString("a=rtcp-mux\r\n")
	}
	for _, line := range o.levels.lines() {
		fmt.Fprintf(b, "a=extmap:%s\r\n", line)
	}
	for _, c := range o.crypto {
		fmt.Fprintf(b, "a=crypto:%s\r\n", c)
	}
}

// ownParams is what we say about receiving p: in-band FEC is made use of, and events are
// the digits, and flash if the peer knows it.
func (p payload) ownParams() string {
	switch {
	case p.is("opus"):
		return "useinbandfec=1"
	case p.is("telephone-event"):
		if p.hasEvent(16) {
			return "0-16"
		}
		return "0-15"
	}
	return ""
}

// hasEvent reads a list of events such as 0-11,16 (RFC 4733 section 2.4.1).
func (p payload) hasEvent(code uint64) bool {
	for _, part := range strings.FieldsFunc(p.params, func(r rune) bool { return r == ',' || r == ';' }) {
		low, high, ranged := strings.Cut(strings.TrimSpace(part), "-")
		if !ranged {
			high = low
		}
		from, err1 := strconv.ParseUint(low, 10, 8)
		to, err2 := strconv.ParseUint(high, 10, 8)
		if err1 == nil && err2 == nil && from <= code && code <= to {
			return true
		}
	}
	return false
}

// canonical spells the encoding name as we do, with the parameters that we write.
func (p payload) canonical() payload {
	for _, name := range []string{"PCMU", "PCMA", "G722", "opus", "L16", "CN", "telephone-event"} {
		if p.is(name) {
			p.encoding = name
		}
	}
	p.params = p.ownParams()
	return p
}
