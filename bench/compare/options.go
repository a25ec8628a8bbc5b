//go:build linux

package main

import (
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/confd/confd/bench/callers"
	"github.com/confd/confd/bench/coding"
	"github.com/confd/confd/bench/floor"
	"github.com/confd/confd/media"
)

// options are what the command line says.
type options struct {
	delay   bool // measure delay, else processor time
	confd   string
	callers int
	rooms   int
	talkers int
	codec   media.Codec
	opus    coding.Opus
	decode  string // Opus floor: "all" or "talkers"
	rounds  int
	settle  time.Duration
	window  time.Duration
	joins   int // per second
	levels  bool
}

func parse(command string, args []string) (options, error) {
	o := options{delay: command == "delay", codec: media.PCMU}
	f := flag.NewFlagSet("compare "+command, flag.ContinueOnError)
	f.StringVar(&o.confd, "confd", "", "the confd `program`; without it the floor is measured alone")
	f.IntVar(&o.rounds, "rounds", 3, "how often each is measured, in turn")
	f.DurationVar(&o.settle, "settle", 2*time.Second, "time between the last join and the measurement")
	f.DurationVar(&o.window, "for", 5*time.Second, "length of a measurement")
	f.IntVar(&o.joins, "joins", 100, "calls placed per second")
	if o.delay {
		f.IntVar(&o.rooms, "rooms", 10, "rooms, of eight talkers and a listener each, G.711")
	} else {
		f.Func("codec", "pcmu or opus (default pcmu)", o.setCodec)
		f.IntVar(&o.rooms, "rooms", 1, "rooms")
		f.IntVar(&o.callers, "callers", 200, "callers over all rooms, as many in each")
		f.IntVar(&o.talkers, "talkers", 3, "how many talk in each room; the floor mixes as many")
		f.StringVar(&o.decode, "decode", "all", "Opus: which legs the floor decodes, all or talkers")
		f.StringVar(&o.opus.Application, "application", "voip", "Opus encoders of floor and callers: voip, audio or lowdelay")
		f.IntVar(&o.opus.Complexity, "complexity", 5, "Opus encoders: 0 to 10")
		f.IntVar(&o.opus.Bitrate, "bitrate", 32000, "Opus encoders: bits per second")
		f.BoolVar(&o.opus.FEC, "fec", false, "Opus encoders: in-band forward error correction")
		f.BoolVar(&o.opus.DTX, "dtx", false, "Opus callers: in silence next to nothing is sent")
		f.BoolVar(&o.levels, "levels", false, "callers' packets say how loud they are (RFC 6464)")
		f.IntVar(&o.opus.Loss, "loss", 0, "Opus encoders: percent of loss that FEC is tuned for")
	}
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.delay {
		o.talkers, o.callers = 8, 9*o.rooms
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("unexpected %q: flags only", f.Arg(0))
	case o.rounds < 1 || o.joins < 1 || o.rooms < 1:
		return o, fmt.Errorf("-rounds, -joins and -rooms must be at least 1")
	case o.window < time.Second:
		return o, fmt.Errorf("-for %v: want at least 1s", o.window)
	case !o.delay && o.decode != "all" && o.decode != "talkers":
		return o, fmt.Errorf("-decode %q: want all or talkers", o.decode)
	}
	return o, nil
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

func (o *options) load(seed uint64) callers.Config {
	return callers.Config{
		Callers: o.callers, Rooms: o.rooms, Talkers: o.talkers,
		Codec: o.codec, Opus: o.opus, Marks: o.delay, Levels: o.levels, Seed: seed, Keep: 50,
	}
}

func (o *options) floor() floor.Config {
	c := floor.Config{
		Codec: o.codec, Rooms: o.rooms, Talkers: o.talkers, DecodeAll: o.decode == "all", Opus: o.opus,
	}
	c.Opus.DTX = false // of the callers alone: a server sends all the time
	return c
}
