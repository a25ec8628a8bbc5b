package offeranswer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/confd/confd/media"
)

// ownVideo is our side of an m=video line that has a port.
type ownVideo struct {
	local      int // index in Local.Video
	formats    []ownFormat
	feedback   VideoFeedback
	reduced    bool // a=rtcp-rsize
	extensions videoExtensions
	rids       []string
	mid        string
	content    string
	image      string // of a=imageattr
	width      int    // of a=framesize; 0 is none
	height     int
	bitrate    int
	mux, muxed bool // as in ownAudio
	crypto     []cryptoLine
	direction  Direction
}

// ownFormat is a format under our number, with retransmission under another; 0 is none.
type ownFormat struct {
	format      media.VideoFormat
	number, rtx uint8
	params      string
	limit       media.VideoLimit // that the peer is told, its Level as written
}

// say has the format say an option of the peer's, or ours, under a limit.
func (f *ownFormat) say(o *VideoOption, limit media.VideoLimit) {
	f.limit = limit
	f.params, f.limit.Level = o.write(limit)
}

// numbers are the payload types of the line.
func (o *ownVideo) numbers() []uint8 {
	var list []uint8
	for _, f := range o.formats {
		list = append(list, f.number)
	}
	for _, f := range o.formats {
		if f.rtx != 0 {
			list = append(list, f.rtx)
		}
	}
	return list
}

// write writes the m= line and what belongs to it, as short as it can be: a datagram that is
// cut up gets lost more easily.
func (o *ownVideo) write(b *strings.Builder, slot slot, local *Local) {
	end := &local.Video[o.local]
	fmt.Fprintf(b, "m=%s %d %s", slot.media, end.RTPPort, slot.proto)
	for _, n := range o.numbers() {
		fmt.Fprintf(b, " %d", n)
	}
	b.WriteString("\r\n" + bandwidthLines(o.bitrate))
	for _, f := range o.formats {
		f.write(b)
	}
	lines(b, "rtcp-fb:", o.feedback.lines())
	if port := rtcpPort(end.RTPPort, end.RTCPPort); !o.muxed && port != end.RTPPort+1 {
		fmt.Fprintf(b, "a=rtcp:%d\r\n", port)
	}
	if o.mux {
		b.WriteString("a=rtcp-mux\r\n")
	}
	if o.reduced {
		b.WriteString("a=rtcp-rsize\r\n")
	}
	lines(b, "extmap:", o.extensions.lines())
	for _, c := range o.crypto {
		fmt.Fprintf(b, "a=crypto:%s\r\n", c)
	}
	for _, f := range o.formats {
		if o.width != 0 {
			fmt.Fprintf(b, "a=framesize:%d %d-%d\r\n", f.number, o.width, o.height)
		}
	}
	o.writeSources(b, end)
	o.writeNames(b)
	fmt.Fprintf(b, "a=%s\r\n", o.direction)
}

func (o *ownVideo) writeSources(b *strings.Builder, end *VideoLocal) {
	repaired := slices.ContainsFunc(o.formats, func(f ownFormat) bool { return f.rtx != 0 })
	if !repaired || end.SSRC == 0 || end.RTXSSRC == 0 || end.CNAME == "" {
		return
	}
	fmt.Fprintf(b, "a=ssrc-group:FID %d %d\r\n", end.SSRC, end.RTXSSRC)
	for _, ssrc := range []uint32{end.SSRC, end.RTXSSRC} {
		fmt.Fprintf(b, "a=ssrc:%d cname:%s\r\n", ssrc, end.CNAME)
	}
}

func (o *ownVideo) writeNames(b *strings.Builder) {
	for _, id := range o.rids {
		fmt.Fprintf(b, "a=rid:%s recv\r\n", id)
	}
	if o.rids != nil {
		fmt.Fprintf(b, "a=simulcast:recv %s\r\n", strings.Join(o.rids, ";"))
	}
	for _, name := range []struct{ is, text string }{
		{"imageattr:* ", o.image}, {"mid:", o.mid}, {"content:", o.content},
	} {
		if name.text != "" {
			fmt.Fprintf(b, "a=%s%s\r\n", name.is, name.text)
		}
	}
}

func (f *ownFormat) write(b *strings.Builder) {
	p := payload{encoding: strings.ToUpper(f.format.Codec.String()), clock: media.VideoRate}
	fmt.Fprintf(b, "a=rtpmap:%d %s\r\n", f.number, p.rtpmap())
	if f.params != "" {
		fmt.Fprintf(b, "a=fmtp:%d %s\r\n", f.number, f.params)
	}
	if f.rtx != 0 {
		fmt.Fprintf(b, "a=rtpmap:%d rtx/%d\r\na=fmtp:%d apt=%d\r\n", f.rtx, media.VideoRate, f.rtx, f.number)
	}
}

func lines(b *strings.Builder, name string, values []string) {
	for _, v := range values {
		fmt.Fprintf(b, "a=%s%s\r\n", name, v)
	}
}

// has tells whether a format is on the line.
func (o *ownVideo) has(f media.VideoFormat) bool {
	return slices.ContainsFunc(o.formats, func(own ownFormat) bool { return own.format == f })
}
