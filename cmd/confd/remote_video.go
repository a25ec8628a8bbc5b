package main

import (
	"strings"
	"time"

	"github.com/confd/confd/api"
	"github.com/confd/confd/cmd/confd/client"
)

// videoFlags are what can be set in a room's video.
type videoFlags struct {
	Video      *bool          `negatable:"" help:"Let participants have video."`
	Policy     *string        `name:"video-policy" placeholder:"HOW" help:"How the room settles on a format: majority or fixed."`
	Codecs     []string       `name:"video-codecs" placeholder:"NAMES" help:"Formats that it may settle on, in order of preference, with commas between; all for those of the server."`
	MaxBitrate *int           `name:"video-max-bitrate" placeholder:"N" help:"Most that a participant is asked to send, bits per second; 0 is the server's."`
	Hold       *time.Duration `name:"video-hold" placeholder:"TIME" help:"How long a speaker is seen before the next is; 0s is the server's."`
}

// addTo puts the video's settings into a room's.
func (f *videoFlags) addTo(room patch) {
	p := patch{}
	put(p, "enabled", f.Video)
	put(p, "policy", f.Policy)
	put(p, "max_bitrate", f.MaxBitrate)
	if len(f.Codecs) == 1 && f.Codecs[0] == "all" {
		p["codecs"] = []string{}
	} else {
		p.list("codecs", f.Codecs)
	}
	if f.Hold != nil {
		p["hold"] = f.Hold.Seconds()
	}
	if len(p) > 0 {
		room["video"] = p
	}
}

// sees words whom a participant sees, for a table; names are those of ids.
func sees(p *api.Participant, names map[string]string) string {
	var all []string
	for _, l := range p.Video {
		switch name := names[l.Sees]; {
		case l.State != "on":
			all = append(all, l.State)
		case l.Sees == "":
			all = append(all, "nobody")
		case name == "":
			all = append(all, client.Clip(l.Sees, 32))
		default:
			all = append(all, client.Clip(name, 32))
		}
	}
	return dash(strings.Join(all, ","))
}
