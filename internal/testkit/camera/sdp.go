package camera

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// media is what both the peer and ffmpeg are told of the codec.
func (c Codec) media(port uint16) string {
	s := fmt.Sprintf("m=video %d RTP/AVP %d\r\na=rtpmap:%d %s/90000\r\n", port, payloadType, payloadType, c.Name)
	if c.Fmtp != "" {
		s += fmt.Sprintf("a=fmtp:%d %s\r\n", payloadType, c.Fmtp)
	}
	return s
}

// Describe writes the camera's part of a session description, for phone.Line.
func (c *Camera) Describe() string {
	s := c.opts.Codec.media(c.port())
	if c.opts.RTX {
		s = strings.Replace(s, fmt.Sprintf("AVP %d", payloadType), fmt.Sprintf("AVPF %d %d", payloadType, rtxType), 1)
		s += fmt.Sprintf("a=rtpmap:%d rtx/90000\r\na=fmtp:%d apt=%d\r\n", rtxType, rtxType, payloadType)
	}
	feedback := []string{"nack pli", "ccm fir", "nack"}
	if c.opts.Forgets {
		feedback = feedback[:2]
	}
	for _, f := range feedback {
		s += fmt.Sprintf("a=rtcp-fb:%d %s\r\n", payloadType, f)
	}
	return s + "a=sendrecv\r\n"
}

// Apply takes the peer's part, which has to accept the camera's, for phone.Line.
func (c *Camera) Apply(host netip.Addr, part string) error {
	fields := strings.Fields(part)
	if len(fields) < 4 || fields[0] != "m=video" {
		return fmt.Errorf("%q is no video", part)
	}
	port, err := strconv.ParseUint(fields[1], 10, 16)
	if err != nil || port == 0 || fields[3] != strconv.Itoa(payloadType) {
		return fmt.Errorf("%s as video was refused:\n%s", c.opts.Codec.Name, part)
	}
	return c.begin(netip.AddrPortFrom(host, uint16(port)), strings.Contains(part, fmt.Sprintf("apt=%d", payloadType)))
}
