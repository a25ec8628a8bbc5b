package dial

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// Offer is the one codec that a call is offered with.
type Offer struct {
	Media       netip.AddrPort // where RTP is expected, an IPv4 address
	RTCP        netip.AddrPort // where RTCP may go
	PayloadType uint8
	Codec       string // as in a=rtpmap: "PCMU/8000"
	Parameters  string // as in a=fmtp, may be empty
	LevelID     uint8  // number of the client-to-mixer level extension (RFC 6464), 0 if there is none
}

func (o Offer) sdp() []byte {
	var b strings.Builder
	ip := o.Media.Addr()
	fmt.Fprintf(&b, "v=0\r\no=- 1 1 IN IP4 %v\r\ns=-\r\nc=IN IP4 %v\r\nt=0 0\r\n", ip, ip)
	fmt.Fprintf(&b, "m=audio %d RTP/AVP %d\r\n", o.Media.Port(), o.PayloadType)
	fmt.Fprintf(&b, "a=rtcp:%d\r\na=rtpmap:%d %s\r\n", o.RTCP.Port(), o.PayloadType, o.Codec)
	if o.Parameters != "" {
		fmt.Fprintf(&b, "a=fmtp:%d %s\r\n", o.PayloadType, o.Parameters)
	}
	if o.LevelID != 0 {
		fmt.Fprintf(&b, "a=extmap:%d urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n", o.LevelID)
	}
	b.WriteString("a=ptime:20\r\na=sendrecv\r\n")
	return []byte(b.String())
}

// answer returns where an SDP answer wants RTP.
func (o Offer) answer(text []byte) (netip.AddrPort, error) {
	var s sdp.SessionDescription
	if err := s.Unmarshal(text); err != nil {
		return netip.AddrPort{}, fmt.Errorf("SDP answer: %w", err)
	}
	if len(s.MediaDescriptions) != 1 {
		return netip.AddrPort{}, fmt.Errorf("SDP answer has %d m-lines, want 1", len(s.MediaDescriptions))
	}
	m := s.MediaDescriptions[0]
	if !slices.Contains(m.MediaName.Formats, strconv.Itoa(int(o.PayloadType))) || m.MediaName.Port.Value == 0 {
		return netip.AddrPort{}, fmt.Errorf("SDP answer %q refuses %s", m.MediaName.String(), o.Codec)
	}
	c := m.ConnectionInformation
	if c == nil {
		c = s.ConnectionInformation
	}
	if c == nil || c.Address == nil {
		return netip.AddrPort{}, fmt.Errorf("SDP answer has no c= line")
	}
	ip, err := netip.ParseAddr(c.Address.Address)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("SDP answer, c= line: %w", err)
	}
	return netip.AddrPortFrom(ip, uint16(m.MediaName.Port.Value)), nil
}
