package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/confd/confd/cmd/confd/client"
)

// multicastFlags are what can be set in a room's multicast group.
type multicastFlags struct {
	Multicast  *bool   `negatable:"" help:"Send what is heard to a multicast group, too. The flags below switch it on as well."`
	Mode       *string `name:"multicast-mode" placeholder:"MODE" help:"Who may send to the group: asm, anyone; ssm, the server alone."`
	Family     *int    `name:"multicast-family" placeholder:"N" help:"4 or 6; 0 is the address's."`
	Group      *string `name:"multicast-group" placeholder:"ADDRESS" help:"Its address; empty for one of the server's."`
	Port       *int    `name:"multicast-port" placeholder:"N" help:"Its port, even; 0 for one of the server's."`
	TTL        *int    `name:"multicast-ttl" placeholder:"N" help:"How far packets go: 1 stays in the server's network, each router takes 1."`
	Interface  *string `name:"multicast-interface" placeholder:"NAME" help:"Network interface of the server to send on."`
	Codec      *string `name:"multicast-codec" placeholder:"NAME" help:"opus, pcmu or l16."`
	PacketTime *int    `name:"multicast-ptime" placeholder:"MS" help:"Sound in a packet: 10, 20, 40 or 60."`
	Redundancy *int    `name:"multicast-redundancy" placeholder:"N" help:"How many packets before each are repeated in it, 0 to 2."`
	SRTP       *bool   `name:"multicast-srtp" negatable:"" help:"Encrypt."`
	Announce   *bool   `name:"multicast-announce" negatable:"" help:"Announce it by SAP."`
	Offer      *string `name:"multicast-offer" placeholder:"WHOM" help:"Callers without an offer who are offered the group: asked or always."`

	Video         *bool `name:"multicast-video" negatable:"" help:"Carry the picture of who speaks, too, on the two ports above."`
	VideoBitrate  *int  `name:"multicast-video-bitrate" placeholder:"BPS" help:"Most that the pictures take, bits per second; 0 is 1000000."`
	VideoInterval *int  `name:"multicast-video-interval" placeholder:"S" help:"How often a key frame is asked for, seconds; 0 is 5."`
}

// addTo puts the group's settings into a room's; null is no group.
func (f *multicastFlags) addTo(room patch) error {
	p := patch{}
	put(p, "mode", f.Mode)
	put(p, "family", f.Family)
	put(p, "group", f.Group)
	put(p, "port", f.Port)
	put(p, "ttl", f.TTL)
	put(p, "interface", f.Interface)
	put(p, "codec", f.Codec)
	put(p, "ptime", f.PacketTime)
	put(p, "redundancy", f.Redundancy)
	put(p, "srtp", f.SRTP)
	put(p, "announce", f.Announce)
	put(p, "offer", f.Offer)
	put(p, "video", f.Video)
	put(p, "video_bitrate", f.VideoBitrate)
	put(p, "video_interval", f.VideoInterval)
	switch {
	case f.Multicast == nil && len(p) == 0:
	case f.Multicast == nil || *f.Multicast:
		room["multicast"] = p
	case len(p) == 0:
		room["multicast"] = nil
	default:
		return &usageError{errors.New("--no-multicast leaves no group to set up; want it alone, or the other --multicast flags without it")}
	}
	return nil
}

type roomsRekey struct {
	remoteFlags `embed:""`
	Room        string `arg:"" help:"Its id."`
}

// Run has a room's multicast group go on under a new key.
func (c roomsRekey) Run(ctx context.Context, m *Main) error {
	return c.do(ctx, m, http.MethodPost, roomPath(c.Room)+"/multicast/rekey", nil, nil,
		m.say("the multicast group of %s gets a new key", client.Clean(c.Room)))
}
