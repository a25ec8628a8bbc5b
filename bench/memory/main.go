//go:build linux

// Memory finds out what confd needs of it: for each caller, for each room that nobody is in,
// and whether all of it comes back.
//
//	memory -confd PROGRAM [flags]
//
// All traffic stays on loopback. See bench/README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/confd/confd/bench/measure"
)

func main() { measure.Program("memory", run) }

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	measure.Head(out, "memory", args)
	if o.callers > 0 {
		if err := o.measureCalls(ctx, out); err != nil {
			return err
		}
	}
	if o.idle > 0 {
		return o.measureRooms(ctx, out)
	}
	return nil
}

// options are what the command line says.
type options struct {
	confd          string
	callers, rooms int
	talkers        int // in each room
	rounds         int
	joins          int // per second
	settle         time.Duration
	idle           int // rooms
	window         time.Duration
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("memory", flag.ContinueOnError)
	f.StringVar(&o.confd, "confd", "", "the confd `program`")
	f.IntVar(&o.callers, "callers", 1000, "calls at a time, G.711; 0: no calls are measured")
	f.IntVar(&o.rooms, "rooms", 1, "rooms that they are in")
	f.IntVar(&o.talkers, "talkers", 3, "how many talk in each room")
	f.IntVar(&o.rounds, "rounds", 5, "how often all call and hang up")
	f.IntVar(&o.joins, "joins", 200, "calls placed, or ended, per second")
	f.DurationVar(&o.settle, "settle", 45*time.Second, "time after which calls that stand, or have ended, cost what they cost: SIP remembers requests for 32 seconds")
	f.IntVar(&o.idle, "idle", 10000, "rooms that nobody is in; 0: none are measured")
	f.DurationVar(&o.window, "for", 20*time.Second, "how long the processor time of these is measured")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("unexpected %q: flags only", f.Arg(0))
	case o.confd == "":
		return o, errors.New("-confd is missing: it names the program to measure")
	case o.rooms < 1 || o.rounds < 1 || o.joins < 1:
		return o, errors.New("-rooms, -rounds and -joins must be at least 1")
	case o.callers < 0 || o.idle < 0:
		return o, errors.New("-callers and -idle must not be below 0")
	}
	return o, nil
}
