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
	"io"
	"time"

	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/bench/trial"
)

func main() { measure.Program("memory", run) }

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	measure.Head(out, "memory", args)
	if o.rounds > 0 {
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
	trial.Load
	confd  string
	rounds int
	idle   int // rooms
}

// By default things settle for longer than SIP remembers requests, which is 32 seconds.
func parse(args []string) (options, error) {
	o := options{Load: trial.Load{Callers: 1000, Rooms: 1, Talkers: 3, Joins: 200, Settle: 45 * time.Second, Window: 20 * time.Second}}
	f := trial.NewFlags("memory")
	f.Confd(&o.confd)
	o.Flags(f, "callers", "rooms", "talkers", "joins", "settle", "for")
	f.Count(&o.rounds, "rounds", 5, 0, "how often all call and hang up; 0: no calls are measured")
	f.Count(&o.idle, "idle", 10000, 0, "rooms that nobody is in, whose processor time is measured; 0: none are")
	return o, f.Parse(args)
}
