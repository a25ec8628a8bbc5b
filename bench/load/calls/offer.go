package calls

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/confd/confd/media"
)

// Offer is what a caller offers by SDP (RFC 3264): one audio stream, and video if it has any.
type Offer struct {
	Media      netip.AddrPort // where it takes RTP
	RTCP       netip.AddrPort // where it takes RTCP; zero: the port after that; Media: on the same port (RFC 5761)
	Formats    []Format       // in order of preference, at least one
	PacketTime time.Duration  // 20 ms
	Event      uint8          // payload type of telephone events (RFC 4733); 0: none
	Level      uint8          // number of the extension by which packets say how loud they are (RFC 6464), 1 to 14; 0: none
	From       string         // user part of this caller's address; "": Config.From
	Video      *Video         // nil: sound only
}

// Format is a codec as SDP names it.
type Format struct {
	PayloadType uint8
	Name        string // as in a=rtpmap: "PCMU/8000", "opus/48000/2"
	Parameters  string // as in a=fmtp, may be empty
}

// FormatOf returns how a codec is offered: under its number (RFC 3551) or, if it is Opus (RFC 7587),
// as 111. There is none for others than PCMU, PCMA, G722 and Opus.
func FormatOf(f media.Format) Format {
	switch f.Codec {
	case media.PCMU:
		return Format{PayloadType: 0, Name: "PCMU/8000"}
	case media.PCMA:
		return Format{PayloadType: 8, Name: "PCMA/8000"}
	case media.G722:
		return Format{PayloadType: 9, Name: "G722/8000"}
	case media.Opus:
		o := Format{111, "opus/48000/2", fmt.Sprintf("maxaveragebitrate=%d", f.Opus.Bitrate)}
		if f.Opus.FEC {
			o.Parameters += ";useinbandfec=1"
		}
		return o
	}
	return Format{}
}

const defaultPacketTime = 20 * time.Millisecond

func (o *Offer) complete() error {
	setDefault(&o.PacketTime, defaultPacketTime)
	switch {
	case !o.Media.IsValid() || o.Media.Port() == 0 || o.Media.Addr().IsUnspecified():
		return fmt.Errorf("calls: media address %v: want one with a port", o.Media)
	case o.PacketTime < time.Millisecond || o.PacketTime > time.Second:
		return fmt.Errorf("calls: packet time %v: want 1 ms to 1 s", o.PacketTime)
	case len(o.Formats) == 0:
		return errors.New("calls: an offer without a codec")
	case o.Event > 127:
		return fmt.Errorf("calls: payload type %d of events: want 96 to 127", o.Event)
	case o.Level > 14:
		return fmt.Errorf("calls: extension %d for levels: want 1 to 14", o.Level)
	case unsafe(o.From, " \t<>\"@;,:"):
		return fmt.Errorf("calls: the caller's name %q has characters that SIP cannot carry there", o.From)
	}
	for _, f := range o.Formats {
		if f.PayloadType > 127 || strings.Count(f.Name, "/") < 1 || unsafe(f.Name+f.Parameters, "") {
			return fmt.Errorf("calls: codec %q as payload type %d: want a name such as PCMU/8000 and 0 to 127", f.Name, f.PayloadType)
		}
	}
	if o.Video != nil {
		return o.Video.check()
	}
	return nil
}

// eventClock is that of the preferred codec: events have the clock of the sound.
func (o *Offer) eventClock() string { return clockOf(o.Formats[0].Name) }

func clockOf(name string) string {
	parts := strings.Split(name, "/")
	if len(parts) < 2 {
		return "8000"
	}
	return parts[1]
}

// mediaLines is what our descriptions say of the audio stream.
type mediaLines struct {
	profile   string
	formats   []Format
	event     uint8
	clock     string // of event
	level     uint8
	direction string
}

// sdp returns the offer's description; version counts the descriptions of a call.
func (o *Offer) sdp(version int) string {
	var b strings.Builder
	o.putSession(&b, version, "")
	o.putAudio(&b, mediaLines{"RTP/AVP", o.Formats, o.Event, o.eventClock(), o.Level, "sendrecv"})
	if o.Video != nil {
		o.Video.put(&b, o.Video.offered())
	}
	return b.String()
}

func (o *Offer) putSession(b *strings.Builder, version int, times string) {
	at := inNet(o.Media.Addr())
	put(b, "v=0\r\no=- 1 ", strconv.Itoa(version), " ", at, "\r\ns=-\r\nc=", at, "\r\n", cmp.Or(times, "t=0 0"), "\r\n")
}

func inNet(ip netip.Addr) string {
	if ip = ip.Unmap(); ip.Is4() {
		return "IN IP4 " + ip.String()
	}
	return "IN IP6 " + ip.WithZone("").String()
}

func (o *Offer) putAudio(b *strings.Builder, m mediaLines) {
	put(b, "m=audio ", strconv.Itoa(int(o.Media.Port())), " ", m.profile)
	for _, f := range m.formats {
		put(b, " ", number(f.PayloadType))
	}
	if m.event != 0 {
		put(b, " ", number(m.event))
	}
	b.WriteString("\r\n")
	for _, f := range m.formats {
		put(b, "a=rtpmap:", number(f.PayloadType), " ", f.Name, "\r\n")
		if f.Parameters != "" {
			put(b, "a=fmtp:", number(f.PayloadType), " ", f.Parameters, "\r\n")
		}
	}
	if m.event != 0 {
		put(b, "a=rtpmap:", number(m.event), " telephone-event/", m.clock, "\r\na=fmtp:", number(m.event), " 0-15\r\n")
	}
	if m.level != 0 {
		put(b, "a=extmap:", number(m.level), " urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n")
	}
	put(b, "a=ptime:", strconv.FormatInt(o.PacketTime.Milliseconds(), 10), "\r\n")
	o.putRTCP(b)
	put(b, "a=", m.direction, "\r\n")
}

func (o *Offer) putRTCP(b *strings.Builder) {
	if !o.RTCP.IsValid() {
		return
	}
	put(b, "a=rtcp:", strconv.Itoa(int(o.RTCP.Port())))
	if o.RTCP.Addr().Unmap() != o.Media.Addr().Unmap() {
		put(b, " ", inNet(o.RTCP.Addr()))
	}
	b.WriteString("\r\n")
	if o.RTCP == o.Media {
		b.WriteString("a=rtcp-mux\r\n")
	}
}

func number(payloadType uint8) string { return strconv.Itoa(int(payloadType)) }
