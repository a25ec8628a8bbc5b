package calls

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Answer is what the server's description says of the stream.
type Answer struct {
	Media       netip.AddrPort // where it takes RTP; the unspecified address while it is on hold of the old kind
	RTCP        netip.AddrPort // where it takes RTCP; zero: nowhere, as after port 65535
	Format      Format         // the first of ours that it takes, as we offered it
	PayloadType uint8          // the number under which it takes it, which is Format's with nearly every server
	Event       uint8          // payload type of telephone events; 0: it takes none
	PacketTime  time.Duration  // of the packets that it wants
	Sends       bool           // it will send
	Receives    bool           // it wants to be sent to; false: we are on hold
	Video       VideoAnswer    // zero: none was offered
}

// description is a session description that was read as far as it matters.
type description struct {
	origin, times string
	address       netip.Addr // of the session's c= line; zero: none
	direction     string
	media         []section
}

type section struct {
	kind, profile string
	port          int
	formats       []string
	address       netip.Addr
	direction     string
	names         map[string]string // rtpmap by number
	parameters    map[string]string // fmtp by number
	feedback      []string          // rtcp-fb
	packetTime    time.Duration
	rtcp          string
	mux           bool
}

// sdpFault is what is wrong with a description.
type sdpFault struct {
	cause Cause
	why   string
}

func (f *sdpFault) Error() string { return "SDP: " + f.why }

func unusable(format string, args ...any) *sdpFault {
	return &sdpFault{Protocol, fmt.Sprintf(format, args...)}
}

// maxSections bounds the m= lines; nobody has more.
const maxSections = 64

// maxFeedback bounds the feedback lines of a stream that are read.
const maxFeedback = 256

// parseSDP reads what it knows and skips the rest, so that what no phone looks at does no
// harm (RFC 8866).
func parseSDP(text string) (*description, *sdpFault) {
	if !strings.HasPrefix(text, "v=0") {
		return nil, unusable("it begins with %.20q, want v=0", text)
	}
	d := &description{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if len(line) < 2 || line[1] != '=' {
			continue
		}
		if fault := d.take(line[0], line[2:]); fault != nil {
			return nil, fault
		}
	}
	return d, nil
}

func (d *description) take(kind byte, value string) *sdpFault {
	var m *section
	if len(d.media) > 0 {
		m = &d.media[len(d.media)-1]
	}
	switch kind {
	case 'o':
		d.origin = value
	case 't':
		d.times = "t=" + value
	case 'c':
		ip, fault := parseConnection(value)
		if fault != nil {
			return fault
		}
		if m == nil {
			d.address = ip
		} else if !m.address.IsValid() {
			m.address = ip
		}
	case 'm':
		if len(d.media) == maxSections {
			return unusable("more than %d m= lines", maxSections)
		}
		s, fault := parseMedia(value)
		d.media = append(d.media, s)
		return fault
	case 'a':
		name, v, _ := strings.Cut(value, ":")
		if isDirection(name) && m == nil {
			d.direction = name
		} else if m != nil {
			m.attribute(name, v)
		}
	}
	return nil
}

func isDirection(s string) bool {
	return s == "sendrecv" || s == "sendonly" || s == "recvonly" || s == "inactive"
}

func (m *section) attribute(name, value string) {
	switch {
	case isDirection(name):
		m.direction = name
	case name == "rtpmap":
		if number, codec, ok := strings.Cut(strings.TrimSpace(value), " "); ok {
			m.names[number] = strings.TrimSpace(codec)
		}
	case name == "fmtp":
		if number, value, ok := strings.Cut(strings.TrimSpace(value), " "); ok {
			m.parameters[number] = value
		}
	case name == "rtcp-fb":
		if len(m.feedback) < maxFeedback {
			m.feedback = append(m.feedback, value)
		}
	case name == "ptime":
		ms, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err == nil && ms >= 1 && ms <= 1000 {
			m.packetTime = time.Duration(ms * float64(time.Millisecond))
		}
	case name == "rtcp":
		m.rtcp = value
	case name == "rtcp-mux":
		m.mux = true
	}
}

func parseConnection(value string) (netip.Addr, *sdpFault) {
	fields := strings.Fields(value)
	if len(fields) != 3 || fields[0] != "IN" {
		return netip.Addr{}, unusable("connection %.60q, want IN IP4 or IN IP6 and an address", value)
	}
	text, _, _ := strings.Cut(fields[2], "/")
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, unusable("connection %.60q has no address; names are not looked up", value)
	}
	return ip.Unmap(), nil
}

func parseMedia(value string) (section, *sdpFault) {
	fields := strings.Fields(value)
	if len(fields) < 4 {
		return section{}, unusable("media line %.60q, want kind, port, profile and formats", value)
	}
	port, _, _ := strings.Cut(fields[1], "/")
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return section{}, unusable("media line %.60q: the port is no number up to 65535", value)
	}
	return section{kind: fields[0], port: int(n), profile: fields[2], formats: fields[3:], names: map[string]string{}, parameters: map[string]string{}}, nil
}

// audio returns the index of the stream that is ours, or why there is none.
func (d *description) audio() (int, *sdpFault) {
	refused, secure := false, false
	for i, m := range d.media {
		switch {
		case m.kind != "audio":
		case m.port == 0:
			refused = true
		case m.profile != "RTP/AVP" && m.profile != "RTP/AVPF":
			secure = true
		default:
			return i, nil
		}
	}
	switch {
	case secure:
		return 0, &sdpFault{WrongCodec, "the audio stream is not plain RTP/AVP"}
	case refused:
		return 0, &sdpFault{WrongCodec, "the audio stream is refused (port 0)"}
	}
	return 0, unusable("no audio stream")
}

// read returns what a description says to a caller who offered o. prefer is looked for first.
func (o *Offer) read(text string, prefer *Format) (a Answer, d *description, index int, fault *sdpFault) {
	if d, fault = parseSDP(text); fault != nil {
		return a, nil, 0, fault
	}
	if index, fault = d.audio(); fault != nil {
		return a, nil, 0, fault
	}
	m := &d.media[index]
	ip := m.address
	if !ip.IsValid() {
		ip = d.address
	}
	if !ip.IsValid() {
		return a, nil, 0, unusable("no c= line")
	}
	if !o.pick(m, &a, prefer) {
		return a, nil, 0, &sdpFault{WrongCodec, fmt.Sprintf("none of the offered codecs among formats %q", m.formats)}
	}
	a.Media = netip.AddrPortFrom(ip, uint16(m.port))
	m.mux = m.mux && o.RTCP == o.Media
	a.RTCP = m.control(a.Media)
	a.PacketTime = m.packetTime
	setDefault(&a.PacketTime, o.PacketTime)
	direction := m.direction
	setDefault(&direction, d.direction)
	a.Sends = direction != "recvonly" && direction != "inactive"
	a.Receives = direction != "sendonly" && direction != "inactive" && !ip.IsUnspecified()
	if o.Video != nil {
		a.Video = o.Video.read(d, d.video())
	}
	return a, d, index, nil
}

// pick finds the codec and the events.
func (o *Offer) pick(m *section, a *Answer, prefer *Format) bool {
	if prefer == nil || !o.pickAmong(m, a, []Format{*prefer}) {
		if !o.pickAmong(m, a, o.Formats) {
			return false
		}
	}
	if o.Event != 0 {
		a.Event = m.event(clockOf(a.Format.Name))
	}
	return true
}

func (o *Offer) pickAmong(m *section, a *Answer, ours []Format) bool {
	for _, text := range m.formats {
		n, err := strconv.ParseUint(text, 10, 7)
		if err != nil {
			continue
		}
		for _, f := range ours {
			if m.isFormat(text, uint8(n), f) {
				a.Format, a.PayloadType = f, uint8(n)
				return true
			}
		}
	}
	return false
}

// isFormat compares by name; where a static number has none, by the number. The number of
// channels is 1 if it is left out.
func (m *section) isFormat(text string, n uint8, f Format) bool {
	name, ok := m.names[text]
	if !ok {
		return n == f.PayloadType
	}
	return strings.EqualFold(strings.TrimSuffix(name, "/1"), strings.TrimSuffix(f.Name, "/1"))
}

// event returns the payload type of events with that clock, else of any.
func (m *section) event(clock string) (found uint8) {
	for _, text := range m.formats {
		name, rate, _ := strings.Cut(m.names[text], "/")
		n, err := strconv.ParseUint(text, 10, 7)
		if err != nil || !strings.EqualFold(name, "telephone-event") {
			continue
		}
		if rate == clock {
			return uint8(n)
		}
		if found == 0 {
			found = uint8(n)
		}
	}
	return found
}

// control returns where RTCP goes (RFC 3605, RFC 5761); by default to the next port.
func (m *section) control(rtp netip.AddrPort) netip.AddrPort {
	if m.mux {
		return rtp
	}
	fields := strings.Fields(m.rtcp)
	if len(fields) > 0 {
		if port, err := strconv.ParseUint(fields[0], 10, 16); err == nil && port > 0 {
			ip := rtp.Addr()
			if len(fields) == 4 {
				if other, err := netip.ParseAddr(fields[3]); err == nil {
					ip = other.Unmap()
				}
			}
			return netip.AddrPortFrom(ip, uint16(port))
		}
	}
	if rtp.Port() == 65535 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(rtp.Addr(), rtp.Port()+1)
}
