//go:build linux

package load

import (
	"fmt"
	"net/netip"

	"github.com/confd/confd/bench/load/calls"
	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/codec"
	"github.com/confd/confd/media"
)

// eventType is the payload type of telephone events that callers offer.
const eventType = 101

// coding is how a codec is named: on the command line, in SDP (RFC 3551, RFC 7587), and in
// media.
type coding struct {
	payloadType uint8
	name        string
	format      media.Format
}

var codings = map[string]coding{
	"pcmu": {0, "PCMU/8000", media.Format{Codec: media.PCMU, ClockRate: 8000, SampleRate: 8000, Channels: 1}},
	"pcma": {8, "PCMA/8000", media.Format{Codec: media.PCMA, ClockRate: 8000, SampleRate: 8000, Channels: 1}},
	"g722": {9, "G722/8000", media.Format{Codec: media.G722, ClockRate: 8000, SampleRate: 16000, Channels: 1}},
	"opus": {111, "opus/48000/2", media.Format{Codec: media.Opus, ClockRate: 48000, SampleRate: 48000, Channels: 1}},
}

// format is the callers' codec as media know it.
func (o *Options) format() media.Format {
	f := codings[o.Codec].format
	f.PacketTime = o.PacketTime
	if f.Codec == media.Opus {
		f.Opus = media.OpusParams{Bitrate: o.Opus.Bitrate, FEC: o.Opus.FEC}
	}
	return f
}

// offer is what caller i offers.
func (r *run) offer(i int) calls.Offer {
	o, f := &r.o, r.fleet
	c := codings[o.Codec]
	format := calls.Format{PayloadType: c.payloadType, Name: c.name}
	if c.format.Codec == media.Opus {
		format.Parameters = fmt.Sprintf("maxaveragebitrate=%d", o.Opus.Bitrate)
		if o.Opus.FEC {
			format.Parameters += ";useinbandfec=1"
		}
	}
	return calls.Offer{Media: f.Local(i), RTCP: f.RTCP(), Formats: []calls.Format{format}, Event: eventType,
		PacketTime: o.PacketTime, From: fmt.Sprintf("%s-%d", o.From, i+1), Video: r.videoOffer(i)}
}

// fleet is how the callers' media are made.
func (o *Options) fleet(server netip.Addr) fleet.Config {
	return fleet.Config{Callers: o.Callers, Rooms: o.Rooms, Talkers: o.Talkers, Mixed: o.Mixed, Seed: o.Seed, Continuous: o.Continuous,
		Codec: fleet.Coding{Format: o.format(), Options: codec.Options{Complexity: o.Opus.Complexity, LowDelay: o.Opus.LowDelay}}, Server: server, Local: o.Local, Sharing: o.Sharing, Impair: o.Impair}
}

// calls is how they call the server.
func (o *Options) calls(server netip.AddrPort) calls.Config {
	return calls.Config{Transport: o.transport(), Server: server, Username: o.Username, Password: o.Password, From: o.From,
		Lines: lines(o.Callers), Timeouts: calls.Timeouts{Answer: o.AnswerWithin}}
}

// lines is over how many sockets or connections so many calls are spread.
func lines(callers int) int { return min(max(1+callers/250, 4), 64) }
