package multicast

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"

	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast/feedback"
	"github.com/confd/confd/multicast/groupkey"
)

// Payload types of a group, beside the formats' own.
const (
	noiseType  = 13 // RFC 3389, of PCMU
	redType    = 98 // RFC 2198
	repairType = 99 // RFC 4588
	levelsID   = 1  // RFC 8285 id of the contributors' levels (RFC 6465)
)

// maxTitle is what a description shows of a title, bytes, so that it fits an announcement.
const maxTitle = 200

// description is what is told of a group.
type description struct {
	id, version uint64
	title       string
	source      netip.Addr
	spec        Spec // filled
	place       Place
	format      media.Format
	rtcp        feedback.Bandwidth
	repair      bool
	key         *groupkey.Key  // nil: not told, or plain RTP
	inForce     []groupkey.Key // other keys, under which packets may come yet

	video     media.VideoFormat // zero: none
	videoRTCP feedback.Bandwidth
}

// text writes the description as SDP (RFC 8866). A stream that any player can play is
// described by the plain profile, though lost packets may be asked for, because widespread
// players know no other.
func (d *description) text() []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("v=0")
	line("o=- %d %d %s", d.id, d.version, connection(d.source))
	line("s=%s", plainTitle(d.title))
	line("c=%s", d.destination())
	line("t=0 0")
	if d.spec.Mode == SourceSpecific {
		line("a=source-filter: incl %s %v", connection(d.place.Group), d.source) // RFC 4570
	}
	line("a=rtcp-unicast:rsi") // RFC 5760
	line("m=audio %d %s%s", d.place.Port, d.profile(), d.types())
	line("b=AS:%d", (bandwidth(d.format, d.spec)+999)/1000)
	d.rates(line, d.rtcp)
	d.formats(line)
	d.control(line, d.place.Port+1)
	line("a=extmap:%d urn:ietf:params:rtp-hdrext:csrc-audio-level", levelsID)
	d.keys(line)
	if d.video != (media.VideoFormat{}) {
		d.pictures(line)
	}
	return []byte(b.String())
}

// rates writes what reports may use (RFC 3556).
func (d *description) rates(line func(string, ...any), r feedback.Bandwidth) {
	line("b=RS:%.0f", r.Senders)
	line("b=RR:%.0f", r.Receivers)
}

// keys writes how to decrypt a stream, and ends it.
func (d *description) keys(line func(string, ...any)) {
	if d.key != nil {
		line("a=%s", d.key.Crypto(1, d.inForce...))
	}
	line("a=recvonly")
}

func (d *description) destination() string {
	if d.place.Group.Is4() {
		return fmt.Sprintf("%s/%d", connection(d.place.Group), d.spec.TTL)
	}
	return connection(d.place.Group)
}

func (d *description) profile() string {
	switch {
	case d.spec.SRTP:
		return "RTP/SAVPF"
	case d.spec.Redundancy > 0:
		return "RTP/AVPF"
	}
	return "RTP/AVP"
}

// types lists the payload types, each after a blank.
func (d *description) types() (list string) {
	if d.spec.Redundancy > 0 {
		list = fmt.Sprintf(" %d", redType)
	}
	list += fmt.Sprintf(" %d", codecs[d.spec.Codec].pt)
	if d.format.Codec == media.PCMU {
		list += fmt.Sprintf(" %d", noiseType)
	}
	if d.repair {
		list += fmt.Sprintf(" %d", repairType)
	}
	return list
}

// formats writes what the payload types mean. Comfort noise has a static one and needs no line;
// ffmpeg, which takes each a=rtpmap for the stream's own, would be misled by it.
func (d *description) formats(line func(string, ...any)) {
	pt, rate := codecs[d.spec.Codec].pt, d.format.ClockRate
	if d.spec.Redundancy > 0 {
		line("a=rtpmap:%d red/%d%s", redType, rate, d.channels())
		line("a=fmtp:%d %d%s", redType, pt, strings.Repeat(fmt.Sprintf("/%d", pt), d.spec.Redundancy))
	}
	line("a=rtpmap:%d %v/%d%s", pt, d.format.Codec, rate, d.channels())
	if d.format.Opus.FEC {
		line("a=fmtp:%d useinbandfec=1", pt)
	}
	if d.repair {
		line("a=rtpmap:%d rtx/%d", repairType, rate)
		line("a=fmtp:%d apt=%d", repairType, pt)
	}
	line("a=ptime:%d", d.spec.PacketTime)
}

// channels is what RFC 7587 section 7 wants of Opus, mono or not.
func (d *description) channels() string {
	if d.format.Codec == media.Opus {
		return "/2"
	}
	return ""
}

// control writes where RTCP goes: to the feedback target by RFC 3605, beside the group by RFC
// 6128; and that requests need a token (RFC 6284).
func (d *description) control(line func(string, ...any), port int) {
	line("a=rtcp:%d %s", port, connection(d.source))
	line("a=multicast-rtcp:%d", port)
	if d.repair {
		line("a=portmapping-req:%d %s", port, connection(d.source))
		line("a=rtcp-fb:* nack")
		line("a=rtcp-rsize") // RFC 5506: a request needs no report around it
	}
}

// connection writes an address as SDP has it.
func connection(a netip.Addr) string {
	if a.Is4() {
		return "IN IP4 " + a.String()
	}
	return "IN IP6 " + a.WithZone("").String()
}

// plainTitle makes a title one line that is not empty.
func plainTitle(title string) string {
	title = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, title)
	for len(title) > maxTitle {
		title = title[:strings.LastIndexFunc(title, func(rune) bool { return true })]
	}
	if title = strings.TrimSpace(title); title == "" {
		return "-"
	}
	return title
}
