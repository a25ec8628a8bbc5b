package listen

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pion/sdp/v3"

	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast/groupkey"
)

// maxSDP is the longest description that is read, in bytes.
const maxSDP = 64 << 10

// Parse reads a session description (RFC 8866) and takes its first audio stream that goes
// to a multicast group. What it does not know it passes over; what it cannot do without it
// names in an *Error.
func Parse(text []byte) (*Session, error) { return parseKind(text, "audio", (*reader).formats) }

// ParseVideo takes the first video stream in place of the audio. Without any it returns nil, and
// no error.
func ParseVideo(text []byte) (*Session, error) {
	return parseKind(text, "video", (*reader).videoFormats)
}

func parseKind(text []byte, kind string, formats func(*reader) error) (*Session, error) {
	if len(text) > maxSDP {
		return nil, wrong(clip(string(text)), "%d bytes are more than the %d of a description", len(text), maxSDP)
	}
	var d sdp.SessionDescription
	if err := d.Unmarshal(text); err != nil {
		return nil, wrong(clip(string(text)), "not a session description (RFC 8866): %v", err)
	}
	if kind == "video" && !slices.ContainsFunc(d.MediaDescriptions, func(m *sdp.MediaDescription) bool { return m.MediaName.Media == kind }) {
		return nil, nil
	}
	m, group, err := choose(&d, kind)
	if err != nil {
		return nil, err
	}
	s := &Session{
		Title: string(d.SessionName), ID: d.Origin.SessionID, Version: d.Origin.SessionVersion,
		Redundant: noType, Noise: noType, Retransmits: map[uint8]uint8{}, PacketTime: 20 * time.Millisecond, SDP: text,
	}
	p := &reader{d: &d, m: m, s: s}
	for _, step := range []func() error{func() error { return p.addresses(group) }, func() error { return formats(p) }, p.source, p.feedback, p.key} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// choose finds the stream, and the address that it goes to.
func choose(d *sdp.SessionDescription, kind string) (*sdp.MediaDescription, netip.Addr, error) {
	seen := "m=" + kind
	for _, m := range d.MediaDescriptions {
		if m.MediaName.Media != kind || m.MediaName.Port.Value == 0 {
			continue
		}
		c := m.ConnectionInformation
		if c == nil {
			c = d.ConnectionInformation
		}
		if c == nil || c.Address == nil {
			seen = "c="
			continue
		}
		address, _, _ := strings.Cut(c.Address.Address, "/") // TTL and number of addresses
		a, err := netip.ParseAddr(address)
		if err == nil && a.IsMulticast() {
			return m, a.Unmap(), nil
		}
		seen = "c=" + c.String()
	}
	return nil, netip.Addr{}, wrong(seen, "no %[1]s stream to a multicast group; right is m=%[1]s PORT ... with c=IN IP4 239.255.0.1/1", kind)
}

// reader fills a session from one stream of a description.
type reader struct {
	d *sdp.SessionDescription
	m *sdp.MediaDescription
	s *Session
}

// all returns the values of an attribute, of the stream before those of the session.
func (p *reader) all(key string) (values []string) {
	for _, list := range [][]sdp.Attribute{p.m.Attributes, p.d.Attributes} {
		for _, a := range list {
			if a.Key == key {
				values = append(values, strings.TrimSpace(a.Value))
			}
		}
	}
	return values
}

// first returns an attribute's value, and whether there is one.
func (p *reader) first(key string) (string, bool) {
	if v := p.all(key); len(v) > 0 {
		return v[0], true
	}
	return "", false
}

// addresses takes the ports of RTP and of RTCP to the group (RFC 6128, RFC 3550 section 11).
func (p *reader) addresses(group netip.Addr) error {
	port := p.m.MediaName.Port.Value
	if port < 1 || port > 65534 {
		return wrong("m="+p.m.MediaName.Media+" "+strconv.Itoa(port), "a port between 1 and 65534 is right")
	}
	p.s.Group = netip.AddrPortFrom(group, uint16(port))
	p.s.RTCP = netip.AddrPortFrom(group, uint16(port+1))
	v, ok := p.first("multicast-rtcp")
	if !ok {
		return nil
	}
	n, err := strconv.ParseUint(v, 10, 16)
	if err != nil || n == 0 {
		return wrong("a=multicast-rtcp:"+clip(v), "a port between 1 and 65535 is right")
	}
	p.s.RTCP = netip.AddrPortFrom(group, uint16(n))
	return nil
}

// formats takes the first payload type that can be decoded, and what goes with it.
func (p *reader) formats() error {
	found := false
	for _, f := range p.m.MediaName.Formats {
		n, err := strconv.ParseUint(f, 10, 7)
		if err != nil {
			continue
		}
		pt := uint8(n)
		name, rate, channels := p.rtpmap(pt)
		switch name {
		case "RED":
			p.s.Redundant = pt
		case "CN":
			p.s.Noise = pt
		case "RTX":
			p.retransmit(pt)
		default:
			if format, ok := audio(name, rate, channels); ok && !found {
				p.s.Format, p.s.PayloadType, found = format, pt, true
			}
		}
	}
	if !found {
		return wrong("m=audio ... "+clip(strings.Join(p.m.MediaName.Formats, " ")), "no payload type of opus/48000/2, PCMU/8000, PCMA/8000 or L16")
	}
	if v, ok := p.first("ptime"); ok {
		if ms, err := strconv.ParseFloat(v, 64); err == nil && ms >= 2.5 && ms <= 120 {
			p.s.PacketTime = time.Duration(ms * float64(time.Millisecond))
		}
	}
	return nil
}

// rtpmap returns a payload type's name in capitals, clock rate and channels, by attribute
// or as RFC 3551 has it.
func (p *reader) rtpmap(pt uint8) (name string, rate, channels int) {
	for _, v := range p.all("rtpmap") {
		number, rest, _ := strings.Cut(v, " ")
		if number != strconv.Itoa(int(pt)) {
			continue
		}
		parts := strings.Split(strings.TrimSpace(rest), "/")
		channels = 1
		if len(parts) > 1 {
			rate, _ = strconv.Atoi(parts[1])
		}
		if len(parts) > 2 {
			channels, _ = strconv.Atoi(parts[2])
		}
		return strings.ToUpper(parts[0]), rate, channels
	}
	switch pt {
	case 0:
		return "PCMU", 8000, 1
	case 8:
		return "PCMA", 8000, 1
	case 10:
		return "L16", 44100, 2
	case 11:
		return "L16", 44100, 1
	case 13:
		return "CN", 8000, 1
	}
	return "", 0, 0
}

// audio returns what decodes a coding, as far as timestamps count its samples.
func audio(name string, rate, channels int) (f media.Format, ok bool) {
	f = media.Format{ClockRate: rate, SampleRate: rate, Channels: channels}
	switch name {
	case "PCMU":
		f.Codec, ok = media.PCMU, rate == 8000 && channels == 1
	case "PCMA":
		f.Codec, ok = media.PCMA, rate == 8000 && channels == 1
	case "OPUS":
		f.Codec, ok = media.Opus, rate == 48000 && channels == 2
	case "L16":
		known := rate == 8000 || rate == 16000 || rate == 44100 || rate == 48000
		f.Codec, ok = media.L16, known && (channels == 1 || channels == 2)
	}
	return f, ok
}

// retransmit takes what a payload type of RFC 4588 brings again.
func (p *reader) retransmit(pt uint8) {
	if n, err := strconv.ParseUint(p.parameter(pt, "apt"), 10, 7); err == nil {
		p.s.Retransmits[pt] = uint8(n)
	}
}

// parameter returns a parameter of a payload type's a=fmtp, empty if it has none.
func (p *reader) parameter(pt uint8, name string) string {
	for _, v := range p.all("fmtp") {
		number, rest, _ := strings.Cut(v, " ")
		if number != strconv.Itoa(int(pt)) {
			continue
		}
		for param := range strings.SplitSeq(rest, ";") {
			if key, value, _ := strings.Cut(strings.TrimSpace(param), "="); strings.EqualFold(key, name) {
				return value
			}
		}
	}
	return ""
}

// source takes the sender's address: of the source filter (RFC 4570), or of where it wants
// feedback.
func (p *reader) source() error {
	for _, v := range p.all("source-filter") {
		f := strings.Fields(v)
		if len(f) < 5 || f[0] != "incl" || f[1] != "IN" {
			return wrong("a=source-filter:"+clip(v), "right is incl IN IP4 GROUP SOURCE")
		}
		if dest, err := netip.ParseAddr(f[3]); f[3] != "*" && (err != nil || dest.Unmap() != p.s.Group.Addr()) {
			continue // of another stream
		}
		a, err := netip.ParseAddr(f[4])
		if err != nil || a.IsMulticast() || a.Unmap().Is4() != p.s.Group.Addr().Is4() {
			return wrong("a=source-filter:"+clip(v), "the source must be a unicast address of the group's IP version")
		}
		p.s.Source, p.s.Filter = a.Unmap(), true
		return nil
	}
	if specific(p.s.Group.Addr()) {
		return wrong("a=source-filter", "the group %v is source specific (RFC 4607); right is a=source-filter: incl IN IP4 GROUP SOURCE", p.s.Group.Addr())
	}
	return nil
}

// specific tells groups that can be joined for a source only: 232.0.0.0/8, ff3x::/32.
func specific(a netip.Addr) bool {
	if a.Is4() {
		return a.As4()[0] == 232
	}
	b := a.As16()
	return b[1]>>4 == 3 && b[2] == 0 && b[3] == 0
}

// feedback takes where reports and requests go, and how much of both.
func (p *reader) feedback() error {
	p.bandwidth()
	v, ok := p.first("rtcp")
	if f := strings.Fields(v); ok && len(f) == 4 {
		port, err := strconv.ParseUint(f[0], 10, 16)
		a, aerr := netip.ParseAddr(f[3])
		if err != nil || aerr != nil || port == 0 || a.Unmap().Is4() != p.s.Group.Addr().Is4() {
			return wrong("a=rtcp:"+clip(v), "right is PORT IN IP4 ADDRESS, of the group's IP version")
		}
		if a.IsMulticast() {
			return nil
		}
		p.target(netip.AddrPortFrom(a.Unmap(), uint16(port)))
	}
	return nil
}

// bandwidth takes b=RS and b=RR (RFC 3556), or else shares of b=AS as RFC 3550 section 6.2
// has them.
func (p *reader) bandwidth() {
	said := map[string]float64{"AS": 64}
	for _, list := range [][]sdp.Bandwidth{p.d.Bandwidth, p.m.Bandwidth} {
		for _, b := range list {
			said[b.Type] = float64(b.Bandwidth)
		}
	}
	p.s.Bandwidth.Senders, p.s.Bandwidth.Receivers = said["AS"]*1000*0.0125, said["AS"]*1000*0.0375
	if v, ok := said["RS"]; ok {
		p.s.Bandwidth.Senders = v
	}
	if v, ok := said["RR"]; ok {
		p.s.Bandwidth.Receivers = v
	}
}

func (p *reader) target(a netip.AddrPort) {
	if !p.s.Source.IsValid() {
		p.s.Source = a.Addr()
	}
	if _, unicast := p.first("rtcp-unicast"); !unicast {
		return
	}
	p.s.Target = a
	_, p.s.Token = p.first("portmapping-req")
	_, p.s.Reduced = p.first("rtcp-rsize")
	for _, v := range p.all("rtcp-fb") {
		switch f := strings.Fields(v); {
		case len(f) == 2 && f[1] == "nack":
			p.s.NACK = true
		case len(f) == 3 && f[1] == "nack" && f[2] == "pli":
			p.s.KeyFrames = true
		}
	}
}

// key takes the group key (RFC 4568).
func (p *reader) key() error {
	secure := false
	for _, word := range p.m.MediaName.Protos {
		secure = secure || strings.HasPrefix(word, "SAVP")
	}
	if !secure {
		return nil
	}
	lines := p.all("crypto")
	if len(lines) == 0 {
		return wrong("a=crypto", "the stream is SRTP and the description has no key; it is served to access keys of scope listen")
	}
	var err error
	for _, v := range lines {
		var keys []groupkey.Key
		if keys, err = groupkey.Parse(v); err == nil {
			p.s.Key, p.s.OtherKeys = &keys[0], keys[1:]
			return nil
		}
	}
	return wrong("a=crypto", "%v", err) // never the line, which is secret
}

// clip bounds what an error repeats.
func clip(s string) string {
	if i := strings.IndexAny(s, "\r\n"); i >= 0 {
		s = s[:i]
	}
	return s[:min(len(s), 80)]
}
