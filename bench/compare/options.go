//go:build linux

package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/confd/confd/bench/coding"
	"github.com/confd/confd/bench/floor"
	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/trial"
	"github.com/confd/confd/media"
)

// options are what the command line says.
type options struct {
	trial.Load
	delay  bool // measure delay, else processor time
	confd  string
	rounds int
	codec  media.Codec
	opus   coding.Opus
	decode string // Opus floor: "all" or "talkers"
	dtx    bool   // of the callers
	levels bool
	video  pictures // beside it
}

func parse(command string, args []string) (options, error) {
	o := options{delay: command == "delay", codec: media.PCMU,
		Load: trial.Load{Callers: 200, Rooms: 1, Talkers: 3, Joins: 100, Settle: 2 * time.Second, Window: 5 * time.Second}}
	f := trial.NewFlags("compare " + command)
	f.StringVar(&o.confd, "confd", "", "the confd `program`; without it the floor is measured alone")
	f.Count(&o.rounds, "rounds", 3, 1, "how often each is measured, in turn")
	o.Flags(f, "joins", "settle", "for")
	if o.delay {
		f.Count(&o.Rooms, "rooms", 10, 1, "rooms, of eight talkers and a listener each, G.711")
		o.video.flags(f, "beside it, pictures of one camera for so many: confd forwards its own, a bare loop those beside the floor")
	} else {
		o.Flags(f, "rooms", "callers", "talkers")
		f.Func("codec", "pcmu or opus (default pcmu)", o.setCodec)
		f.StringVar(&o.decode, "decode", "all", "Opus: which legs the floor decodes, all or talkers")
		f.IntVar(&o.opus.Complexity, "complexity", 5, "Opus encoders: 0 to 10")
		f.IntVar(&o.opus.Bitrate, "bitrate", 32000, "Opus encoders: bits per second")
		f.BoolVar(&o.opus.FEC, "fec", false, "Opus encoders: in-band forward error correction")
		f.BoolVar(&o.dtx, "dtx", false, "callers: in silence next to nothing is sent")
		f.BoolVar(&o.levels, "levels", false, "callers' packets say how loud they are (RFC 6464)")
	}
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.delay {
		o.Talkers, o.Callers = 8, 9*o.Rooms
	} else if o.decode != "all" && o.decode != "talkers" {
		return o, fmt.Errorf("-decode %q: want all or talkers", o.decode)
	}
	return o, o.video.check()
}

func (o *options) setCodec(name string) error {
	switch strings.ToLower(name) {
	case "pcmu":
		o.codec = media.PCMU
	case "opus":
		o.codec = media.Opus
	default:
		return fmt.Errorf("want pcmu or opus")
	}
	return nil
}

// levelID is the number of the extension by which callers say how loud they are.
const levelID = 1

// phones makes callers those of a round. Where delay is measured there is an ear in each room.
func (o *options) phones(c *fleet.Config, seed uint64) {
	c.Seed, c.Impair.DTX = seed, o.dtx
	if o.delay {
		c.References = 0
	}
	if o.codec == media.Opus {
		c.Codec = trial.OpusOf(o.opus)
	}
	if o.levels {
		c.Codec.Level = levelID
	}
}

func (o *options) floor() floor.Config {
	return floor.Config{Codec: o.codec, Rooms: o.Rooms, Talkers: o.Talkers, DecodeAll: o.decode == "all", Opus: o.opus}
}
