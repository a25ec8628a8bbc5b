package multicast

import (
	"net/netip"
	"strings"
	"time"

	"github.com/confd/confd/media"
)

// Mode says who may send to a group.
type Mode string

// Modes.
const (
	AnySource      Mode = "asm" // RFC 1112: anyone; receivers name the group alone
	SourceSpecific Mode = "ssm" // RFC 4607: receivers name the group and the one source
)

// Spec is what a room asks for. Zero values mean the default; JSON names are the API's.
type Spec struct {
	Mode       Mode       `json:"mode,omitempty"`       // asm (default) or ssm
	Family     int        `json:"family,omitempty"`     // 4 or 6; Group's where that is given, else 4
	Group      netip.Addr `json:"group,omitzero"`       // from the pool if not given
	Port       int        `json:"port,omitempty"`       // of RTP: even, 1024 to 65534, RTCP is the next; from the pool if 0
	TTL        int        `json:"ttl,omitempty"`        // routers that a packet may pass, plus 1: 1 (default) to Config.MaxTTL
	Interface  string     `json:"interface,omitempty"`  // by name; "" is Config.Interface, then the route's
	Codec      string     `json:"codec,omitempty"`      // opus (default), pcmu, l16
	PacketTime int        `json:"ptime,omitempty"`      // milliseconds: 10, 20 (default), 40, 60
	Redundancy int        `json:"redundancy,omitempty"` // generations of RFC 2198: 0 (default) to 2
	SRTP       bool       `json:"srtp,omitempty"`       // AES_CM_128_HMAC_SHA1_80 under a group key
	Announce   bool       `json:"announce,omitempty"`   // by SAP (RFC 2974)
	Offer      string     `json:"offer,omitempty"`      // whom SIP offers it to: asked (default), always

	Video         bool `json:"video,omitempty"`          // it carries the picture of who speaks, too, on the two ports above
	VideoBitrate  int  `json:"video_bitrate,omitempty"`  // bits per second of it at most: 64,000 to 20,000,000; 1,000,000 if 0
	VideoInterval int  `json:"video_interval,omitempty"` // seconds after which who joins sees a picture at the latest: 1 to 60; 5 if 0
}

// Bounds of Spec.VideoBitrate and Spec.VideoInterval, and what they are if nothing is asked for.
const (
	MinVideoBitrate, MaxVideoBitrate, defaultVideoBitrate    = 64_000, 20_000_000, 1_000_000
	MinVideoInterval, MaxVideoInterval, defaultVideoInterval = 1, 60, 5
)

// Values of Spec.Offer.
const (
	OfferAsked  = "asked"  // callers without an offer whose request URI has ;multicast
	OfferAlways = "always" // every caller without an offer
)

// Place is what a room was given. Kept with the room, it is given again after a restart.
type Place struct {
	Group netip.Addr `json:"group"`
	Port  int        `json:"port"` // of RTP; RTCP is the next
	// Video tells that the two ports above are the room's as well, for RTP and RTCP of video.
	Video bool `json:"video,omitempty"`
}

// VideoPort is that of the video's RTP; RTCP is the next. It is 0 without video.
func (p Place) VideoPort() int {
	if !p.Video {
		return 0
	}
	return p.Port + perStream
}

// perStream is how many ports a stream has: RTP and RTCP.
const perStream = 2

// Filled returns the spec with its defaults written out.
func (s Spec) Filled() Spec {
	s.Mode = or(s.Mode, AnySource)
	if s.Family == 0 && s.Group.Is6() {
		s.Family = 6
	}
	s.Family, s.TTL = or(s.Family, 4), or(s.TTL, 1)
	s.Codec, s.Offer = or(s.Codec, "opus"), or(s.Offer, OfferAsked)
	if s.PacketTime == 0 {
		s.PacketTime = codecs[s.Codec].ptime
	}
	if s.Video {
		s.VideoBitrate, s.VideoInterval = or(s.VideoBitrate, defaultVideoBitrate), or(s.VideoInterval, defaultVideoInterval)
	}
	return s
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Check says what is wrong with a spec on a server so configured: nil or an *Error with
// code Invalid that names the field.
func (s Spec) Check(c *Config) error {
	s = s.Filled()
	for _, check := range []func(*Config) *Error{s.checkGroup, s.checkPath, s.checkFormat, s.checkSize, s.checkVideo} {
		if err := check(c); err != nil {
			return err
		}
	}
	return nil
}

func (s Spec) checkGroup(*Config) *Error {
	switch {
	case s.Mode != AnySource && s.Mode != SourceSpecific:
		return invalid("mode", "%q: want asm (any source) or ssm (source-specific)", s.Mode)
	case s.Family != 4 && s.Family != 6:
		return invalid("family", "%d: want 4 or 6", s.Family)
	case s.Group.IsValid():
		return checkAddress("group", s.Group, s.Mode, s.Family)
	}
	return nil
}

func (s Spec) checkPath(c *Config) *Error {
	switch {
	case s.Port != 0 && (s.Port < 1024 || s.Port > 65534 || s.Port%2 != 0):
		return invalid("port", "%d: want an even port from 1024 to 65534; the next one is for RTCP", s.Port)
	case s.Video && s.Port > 65532:
		return invalid("port", "%d: want an even port from 1024 to 65532; the next one is for RTCP, and the two above for video", s.Port)
	case s.TTL < 1 || s.TTL > c.MaxTTL:
		return invalid("ttl", "%d: want 1 to %d, which is as far as this server is configured to send", s.TTL, c.MaxTTL)
	case len(s.Interface) > 15 || strings.ContainsAny(s.Interface, "/ \t\r\n\x00"):
		return invalid("interface", "%q: want the name of a network interface, as eth0", s.Interface)
	case s.Offer != OfferAsked && s.Offer != OfferAlways:
		return invalid("offer", "%q: want asked or always", s.Offer)
	}
	return nil
}

func (s Spec) checkFormat(*Config) *Error {
	switch _, known := codecs[s.Codec]; {
	case !known:
		return invalid("codec", "%q: want opus, pcmu or l16", s.Codec)
	case s.PacketTime != 10 && s.PacketTime != 20 && s.PacketTime != 40 && s.PacketTime != 60:
		return invalid("ptime", "%d ms: want 10, 20, 40 or 60", s.PacketTime)
	case s.Redundancy < 0 || s.Redundancy > 2:
		return invalid("redundancy", "%d generations: want 0, 1 or 2", s.Redundancy)
	}
	return nil
}

func (s Spec) checkSize(c *Config) *Error {
	f := s.format(c)
	if n := largest(f, 0, s.SRTP); n > MaxPacket {
		return invalid("ptime", "%d ms of %s make packets of %d bytes: want at most %d; a shorter packet time helps",
			s.PacketTime, s.Codec, n, MaxPacket)
	}
	if n := largest(f, s.Redundancy, s.SRTP); n > MaxPacket {
		return invalid("redundancy", "%d generations of %d ms of %s make packets of %d bytes: want at most %d; fewer generations or a shorter packet time help",
			s.Redundancy, s.PacketTime, s.Codec, n, MaxPacket)
	}
	return nil
}

func (s Spec) checkVideo(*Config) *Error {
	switch {
	case !s.Video && s.VideoBitrate != 0:
		return invalid("video_bitrate", "%d for a group without video: want video on, or 0", s.VideoBitrate)
	case !s.Video && s.VideoInterval != 0:
		return invalid("video_interval", "%d for a group without video: want video on, or 0", s.VideoInterval)
	case s.Video && (s.VideoBitrate < MinVideoBitrate || s.VideoBitrate > MaxVideoBitrate):
		return invalid("video_bitrate", "%d bits per second: want %d to %d", s.VideoBitrate, MinVideoBitrate, MaxVideoBitrate)
	case s.Video && (s.VideoInterval < MinVideoInterval || s.VideoInterval > MaxVideoInterval):
		return invalid("video_interval", "%d seconds: want %d to %d", s.VideoInterval, MinVideoInterval, MaxVideoInterval)
	}
	return nil
}

// codecs are what a group may be coded in; ptime is the default.
var codecs = map[string]struct {
	codec media.Codec
	pt    uint8
	ptime int // milliseconds
}{
	"opus": {media.Opus, 96, 20},
	"pcmu": {media.PCMU, 0, 20},
	"l16":  {media.L16, 97, 10},
}

// format returns what the group's class encodes. The spec has been checked.
func (s Spec) format(c *Config) media.Format {
	codec := codecs[s.Codec].codec
	f, ok := c.Formats[codec]
	if !ok {
		f = plainFormats[codec]
	}
	f.PacketTime = time.Duration(s.PacketTime) * time.Millisecond
	return f
}

// plainFormats are what a unicast listener without wishes is sent.
var plainFormats = map[media.Codec]media.Format{
	media.Opus: {Codec: media.Opus, ClockRate: 48000, SampleRate: 48000, Channels: 1, Opus: media.OpusParams{Bitrate: 32000}},
	media.PCMU: {Codec: media.PCMU, ClockRate: 8000, SampleRate: 8000, Channels: 1},
	media.L16:  {Codec: media.L16, ClockRate: 48000, SampleRate: 48000, Channels: 1},
}
