package phone

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

const (
	eventPayloadType = 101
	levelExtension   = 1 // RFC 6464
	mixerExtension   = 2 // RFC 6465
)

// offer is the phone's side of the session, as the next SDP will tell it.
type offer struct {
	id, version uint64
	addr        netip.AddrPort // of RTP; RTCP is at the next port
	codecs      []Codec
	packetTime  time.Duration
	direction   string
	suite, key  string
	mux         bool
	levels      bool
	events      bool
	lines       []Line
}

// Line is a further m-line of the session. Its media is its own.
type Line interface {
	// Describe writes its part of the phone's session description, from m= on.
	Describe() string
	// Apply takes the same part of the peer's, whose media is at host.
	Apply(host netip.Addr, part string) error
}

// String writes the session description (RFC 8866).
func (o *offer) String() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	family := "IP4"
	if o.addr.Addr().Is6() {
		family = "IP6"
	}
	profile := "RTP/AVP"
	if o.suite != "" {
		profile = "RTP/SAVP"
	}
	var types []string
	for _, c := range o.codecs {
		types = append(types, strconv.Itoa(int(c.PayloadType)))
	}
	if o.events {
		types = append(types, strconv.Itoa(eventPayloadType))
	}
	line("v=0")
	line("o=phone %d %d IN %s %s", o.id, o.version, family, o.addr.Addr())
	line("s=-")
	line("c=IN %s %s", family, o.addr.Addr())
	line("t=0 0")
	line("m=audio %d %s %s", o.addr.Port(), profile, strings.Join(types, " "))
	for _, c := range o.codecs {
		line("a=rtpmap:%d %s/%d%s", c.PayloadType, c.Name, c.ClockRate, prefixed("/", c.Channels))
		if c.Fmtp != "" {
			line("a=fmtp:%d %s", c.PayloadType, c.Fmtp)
		}
	}
	if o.events {
		line("a=rtpmap:%d telephone-event/%d", eventPayloadType, o.codecs[0].ClockRate)
		line("a=fmtp:%d 0-15", eventPayloadType)
	}
	if o.packetTime != 0 {
		line("a=ptime:%d", o.packetTime/time.Millisecond)
	}
	if o.suite != "" {
		line("a=crypto:1 %s inline:%s", o.suite, o.key)
	}
	if o.mux {
		line("a=rtcp-mux")
	}
	if o.levels {
		line("a=extmap:%d urn:ietf:params:rtp-hdrext:ssrc-audio-level", levelExtension)
		line("a=extmap:%d urn:ietf:params:rtp-hdrext:csrc-audio-level", mixerExtension)
	}
	line("a=%s", o.direction)
	for _, l := range o.lines {
		b.WriteString(l.Describe())
	}
	return b.String()
}

// apply has the further lines follow the peer's description.
func (o *offer) apply(host netip.Addr, body string) error {
	parts := strings.Split(body, "\nm=")[1:]
	for i, l := range o.lines {
		if len(parts) < i+2 {
			return fmt.Errorf("SDP with %d m-lines, want %d", len(parts), len(o.lines)+1)
		}
		if err := l.Apply(host, "m="+parts[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// session is what the peer's SDP says of its first m-line.
type session struct {
	addr       netip.AddrPort
	types      []int
	maps       map[int]string // rtpmap by payload type
	packetTime time.Duration
	direction  string
	suite, key string
	mux        bool
	extensions map[string]int // id by URI
}

// parseSDP reads as much as the phone needs and refuses what no server may answer.
func parseSDP(body string) (*session, error) {
	s := &session{maps: map[int]string{}, direction: "sendrecv", extensions: map[string]int{}}
	var host string
	lines, media := 0, 0
	for _, l := range strings.Split(strings.TrimRight(body, "\r\n"), "\n") {
		l = strings.TrimSuffix(l, "\r")
		lines++
		kind, value, ok := strings.Cut(l, "=")
		if !ok || len(kind) != 1 || (lines == 1 && l != "v=0") {
			return nil, fmt.Errorf("SDP line %d: %q", lines, l)
		}
		fields := strings.Fields(value)
		switch {
		case kind == "m":
			if media++; media > 1 {
				continue
			}
			if err := s.media(fields); err != nil {
				return nil, fmt.Errorf("SDP line %d: %w", lines, err)
			}
		case media > 1:
		case kind == "c" && len(fields) == 3:
			host = fields[2]
		case kind == "a":
			s.attribute(value)
		}
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || media == 0 {
		return nil, errors.Join(fmt.Errorf("SDP with c= %q and %d m-lines", host, media), err)
	}
	s.addr = netip.AddrPortFrom(ip, s.addr.Port())
	return s, nil
}

func (s *session) media(fields []string) error {
	if len(fields) < 4 || fields[0] != "audio" {
		return fmt.Errorf("m=%s is no audio", strings.Join(fields, " "))
	}
	port, err := strconv.ParseUint(fields[1], 10, 16)
	if err != nil || port == 0 {
		return fmt.Errorf("m=%s: refused", strings.Join(fields, " "))
	}
	s.addr = netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(port))
	for _, f := range fields[3:] {
		t, err := strconv.Atoi(f)
		if err != nil {
			return fmt.Errorf("payload type %q", f)
		}
		s.types = append(s.types, t)
	}
	return nil
}

func (s *session) attribute(value string) {
	name, rest, _ := strings.Cut(value, ":")
	fields := strings.Fields(rest)
	switch {
	case name == "sendrecv" || name == "sendonly" || name == "recvonly" || name == "inactive":
		s.direction = name
	case name == "rtcp-mux":
		s.mux = true
	case name == "ptime":
		ms, _ := strconv.ParseFloat(rest, 64)
		s.packetTime = time.Duration(ms * float64(time.Millisecond))
	case name == "rtpmap" && len(fields) == 2:
		t, _ := strconv.Atoi(fields[0])
		s.maps[t] = fields[1]
	case name == "crypto" && len(fields) >= 3 && s.suite == "":
		s.suite, s.key = fields[1], strings.TrimPrefix(fields[2], "inline:")
	case name == "extmap" && len(fields) >= 2:
		id, _, _ := strings.Cut(fields[0], "/")
		s.extensions[fields[1]], _ = strconv.Atoi(id)
	}
}

// codec returns the first of ours that the peer takes.
func (s *session) codec(ours []Codec) (Codec, error) {
	for _, t := range s.types {
		for _, c := range ours {
			if int(c.PayloadType) == t {
				return c, nil
			}
		}
	}
	return Codec{}, fmt.Errorf("no offered codec among the answered payload types %v", s.types)
}

// adopt renumbers ours as an offer of the peer's has them, in its order.
func (s *session) adopt(ours []Codec) []Codec {
	var out []Codec
	for _, t := range s.types {
		for _, c := range ours {
			m, mapped := s.maps[t]
			want := fmt.Sprintf("%s/%d", c.Name, c.ClockRate)
			if (mapped && strings.HasPrefix(strings.ToLower(m), strings.ToLower(want))) || (!mapped && t == int(c.PayloadType)) {
				c.PayloadType = uint8(t)
				out = append(out, c)
				break
			}
		}
	}
	return out
}
