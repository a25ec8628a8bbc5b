package calls

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Video is the video stream that a caller offers beside its sound: one format, which is taken
// or not.
type Video struct {
	Media  netip.AddrPort // where it takes RTP
	RTCP   netip.AddrPort // where it takes RTCP
	Format Format         // "VP8/90000" or "H264/90000"
	RTX    uint8          // payload type of retransmissions (RFC 4588); 0: none
	Kbps   int            // b=AS (RFC 4566), 0: not said
	Sends  bool           // it has a camera; else it only looks
}

// VideoAnswer is what the server's description says of the video stream.
type VideoAnswer struct {
	Refused     string         // why there is none, if it was offered; the rest is zero then
	Media       netip.AddrPort // where it takes RTP
	RTCP        netip.AddrPort // where it takes RTCP
	PayloadType uint8          // under which it takes and sends the format
	RTX         uint8          // of retransmissions in both directions; 0: none
	NACK, PLI   bool           // feedback that it takes (RFC 4585)
	FIR         bool           // RFC 5104
	Sends       bool           // it will send
	Receives    bool           // it wants to be sent to
}

// videoFeedback is what callers take, and give as far as the server takes it.
var videoFeedback = [...]string{"nack", "nack pli", "ccm fir", "ccm tmmbr", "goog-remb"}

func (v *Video) check() error {
	switch {
	case !v.Media.IsValid() || v.Media.Port() == 0 || v.Media.Addr().IsUnspecified():
		return fmt.Errorf("calls: video address %v: want one with a port", v.Media)
	case !v.RTCP.IsValid() || v.RTCP.Port() == 0:
		return fmt.Errorf("calls: address %v of video's RTCP: want one with a port", v.RTCP)
	case !dynamic(v.Format.PayloadType) || v.RTX != 0 && (!dynamic(v.RTX) || v.RTX == v.Format.PayloadType):
		return fmt.Errorf("calls: payload types %d and %d of video: want two of 96 to 127", v.Format.PayloadType, v.RTX)
	case !strings.HasSuffix(v.Format.Name, "/90000") || unsafe(v.Format.Name+v.Format.Parameters, ""):
		return fmt.Errorf("calls: video codec %q: want a name such as VP8/90000", v.Format.Name)
	}
	return nil
}

func dynamic(payloadType uint8) bool { return payloadType >= 96 && payloadType <= 127 }

// videoLines is what our descriptions say of the video stream.
type videoLines struct {
	profile     string
	payloadType uint8
	rtx         uint8
	direction   string
}

func (v *Video) offered() videoLines {
	direction := "recvonly"
	if v.Sends {
		direction = "sendrecv"
	}
	return videoLines{"RTP/AVP", v.Format.PayloadType, v.RTX, direction}
}

func (v *Video) put(b *strings.Builder, m videoLines) {
	pt := number(m.payloadType)
	put(b, "m=video ", strconv.Itoa(int(v.Media.Port())), " ", m.profile, " ", pt)
	if m.rtx != 0 {
		put(b, " ", number(m.rtx))
	}
	b.WriteString("\r\n")
	if v.Kbps > 0 {
		put(b, "b=AS:", strconv.Itoa(v.Kbps), "\r\n")
	}
	put(b, "a=rtpmap:", pt, " ", v.Format.Name, "\r\n")
	if v.Format.Parameters != "" {
		put(b, "a=fmtp:", pt, " ", v.Format.Parameters, "\r\n")
	}
	for _, f := range videoFeedback {
		put(b, "a=rtcp-fb:", pt, " ", f, "\r\n")
	}
	if m.rtx != 0 {
		put(b, "a=rtpmap:", number(m.rtx), " rtx/90000\r\na=fmtp:", number(m.rtx), " apt=", pt, "\r\n")
	}
	put(b, "a=rtcp:", strconv.Itoa(int(v.RTCP.Port())), "\r\na=", m.direction, "\r\n")
}

// video returns the index of the first video stream that has a port, or of the first that has
// none; -1 if there is no video at all.
func (d *description) video() int {
	refused := -1
	for i := range d.media {
		switch m := &d.media[i]; {
		case m.kind != "video":
		case m.port != 0:
			return i
		case refused < 0:
			refused = i
		}
	}
	return refused
}

// read returns what a description says of the video stream to who offered v.
func (v *Video) read(d *description, index int) (a VideoAnswer) {
	if index < 0 {
		a.Refused = "no video stream"
		return a
	}
	m := &d.media[index]
	ip := m.address
	setDefault(&ip, d.address)
	switch {
	case m.port == 0:
		a.Refused = "port 0"
	case m.profile != "RTP/AVP" && m.profile != "RTP/AVPF":
		a.Refused = fmt.Sprintf("profile %.40q", m.profile)
	case !ip.IsValid() || ip.IsUnspecified():
		a.Refused = "no address"
	case !v.pick(m, &a):
		a.Refused = fmt.Sprintf("not %s", v.Format.Name)
	default:
		v.fill(&a, d, m, ip)
	}
	return a
}

// pick finds our format, and what repeats it.
func (v *Video) pick(m *section, a *VideoAnswer) bool {
	for _, text := range m.formats {
		n, err := strconv.ParseUint(text, 10, 7)
		if err != nil {
			continue
		}
		name := m.names[text]
		switch {
		case a.PayloadType == 0 && strings.EqualFold(name, v.Format.Name) && v.suits(m.parameters[text]):
			a.PayloadType = uint8(n)
		case a.PayloadType != 0 && a.RTX == 0 && v.RTX != 0 && strings.EqualFold(name, "rtx/90000") &&
			parameter(m.parameters[text], "apt") == number(a.PayloadType):
			a.RTX = uint8(n)
		}
	}
	return a.PayloadType != 0
}

// suits tells whether the packets that v sends are what the format is for: H.264 says so by
// its packetization mode (RFC 6184 section 8.1).
func (v *Video) suits(parameters string) bool {
	return parameter(parameters, "packetization-mode") == parameter(v.Format.Parameters, "packetization-mode")
}

// parameter returns the value of one parameter of a=fmtp.
func parameter(all, name string) string {
	for part := range strings.SplitSeq(all, ";") {
		if key, value, _ := strings.Cut(strings.TrimSpace(part), "="); strings.EqualFold(key, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func (v *Video) fill(a *VideoAnswer, d *description, m *section, ip netip.Addr) {
	a.Media = netip.AddrPortFrom(ip, uint16(m.port))
	a.RTCP = m.control(a.Media)
	for _, f := range m.feedback {
		pt, what, _ := strings.Cut(f, " ")
		if pt != "*" && pt != number(a.PayloadType) {
			continue
		}
		what = strings.TrimSpace(what)
		a.NACK = a.NACK || what == "nack"
		a.PLI = a.PLI || what == "nack pli"
		a.FIR = a.FIR || what == "ccm fir"
	}
	direction := m.direction
	setDefault(&direction, d.direction)
	a.Sends = direction != "recvonly" && direction != "inactive"
	a.Receives = v.Sends && direction != "sendonly" && direction != "inactive"
}

// answered is what our answer to an offer says of the stream.
func (v *Video) answered(a *VideoAnswer, profile string) videoLines {
	m := videoLines{profile, a.PayloadType, a.RTX, "inactive"}
	switch {
	case a.Sends && a.Receives:
		m.direction = "sendrecv"
	case a.Sends:
		m.direction = "recvonly"
	case a.Receives:
		m.direction = "sendonly"
	}
	return m
}
