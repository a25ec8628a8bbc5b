package listen

import (
	"strconv"
	"strings"

	"github.com/confd/confd/media"
)

// videoFormats takes the first payload type of a coding that is known, and what goes with it.
func (p *reader) videoFormats() error {
	for _, f := range p.m.MediaName.Formats {
		n, err := strconv.ParseUint(f, 10, 7)
		if err != nil {
			continue
		}
		pt := uint8(n)
		name, rate, _ := p.rtpmap(pt)
		c, err := media.ParseVideoCodec(name)
		switch {
		case rate != media.VideoRate:
		case name == "RTX":
			p.retransmit(pt)
		case err == nil && p.s.Video == media.NoVideoCodec && p.inOrder(c, pt):
			p.s.Video, p.s.PayloadType = c, pt
		}
	}
	if p.s.Video == media.NoVideoCodec {
		return wrong("m=video ... "+clip(strings.Join(p.m.MediaName.Formats, " ")), "no payload type of VP8, VP9, H264, H265 or AV1 at 90000, its pictures in the order in which they are decoded")
	}
	return nil
}

// inOrder tells whether packets come in decoding order: not of H.264 in packetization mode 2
// (RFC 6184 section 6.4), nor of H.265 with decoding order numbers (RFC 7798 section 7.1).
func (p *reader) inOrder(c media.VideoCodec, pt uint8) bool {
	switch c {
	case media.H264:
		return p.parameter(pt, "packetization-mode") != "2"
	case media.H265:
		v := p.parameter(pt, "sprop-max-don-diff")
		return v == "" || v == "0"
	}
	return true
}
