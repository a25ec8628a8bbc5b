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

// formats are the codecs as the command line names them.
var formats = map[string]media.Format{
	"pcmu": {Codec: media.PCMU, ClockRate: 8000, SampleRate: 8000, Channels: 1},
	"pcma": {Codec: media.PCMA, ClockRate: 8000, SampleRate: 8000, Channels: 1},
	"g722": {Codec: media.G722, ClockRate: 8000, SampleRate: 16000, Channels: 1},
	"opus": {Codec: media.Opus, ClockRate: 48000, SampleRate: 48000, Channels: 1},
}

// format is the callers' codec as media know it.
func (o *Options) format() media.Format {
	f := formats[o.Codec]
	f.PacketTime = o.PacketTime
	if f.Codec == media.Opus {
		f.Opus = media.OpusParams{Bitrate: o.Opus.Bitrate, FEC: o.Opus.FEC}
	}
	return f
}

// offer is what caller i offers.
func (r *run) offer(i int) calls.Offer {
	o, f := &r.o, r.fleet
	return calls.Offer{Media: f.Local(i), RTCP: f.RTCP(), Formats: []calls.Format{calls.FormatOf(f.Format())}, Event: eventType,
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
