//go:build linux

// Steer finds out whether requests to the API delay the mix: one room full of phones, and
// in turn phases without and with HTTP requests at a constant rate.
//
//	steer -confd PROGRAM [flags]
//
// It reports what callers of the API met, and by how much ticks began late, as the server
// itself tells. All traffic stays on loopback. See bench/README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/bench/trial"
)

func main() { measure.Program("steer", run) }

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	measure.Head(out, "steer", args)
	c, err := open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	fmt.Fprintf(out, "real-time threads: %d of confd, %d of the phones\n\n",
		measure.RealTimeThreads(c.server.PID()), measure.RealTimeThreads(os.Getpid()))
	var phases []phase
	for i := range 2 * o.pairs {
		p, err := c.phase(ctx, i%2 == 1)
		if err != nil {
			return fmt.Errorf("phase %d: %w", i+1, err)
		}
		fmt.Fprintf(out, "%2d %v\n", i+1, p)
		phases = append(phases, p)
	}
	_, err = fmt.Fprint(out, "\n", summary(phases))
	return err
}

// options are what the command line says.
type options struct {
	trial.Load
	confd          string
	rate, watchers int
	pairs          int
}

func parse(args []string) (options, error) {
	o := options{Load: trial.Load{Callers: 200, Rooms: 1, Talkers: 3, Joins: 100, Settle: 2 * time.Second, Window: 10 * time.Second}}
	f := trial.NewFlags("steer")
	f.Confd(&o.confd)
	o.Flags(f, "callers", "talkers", "joins", "settle", "for")
	f.Count(&o.rate, "rate", 1000, 1, "requests per second")
	f.Count(&o.watchers, "watchers", 4, 0, "readers of all events")
	f.Count(&o.pairs, "pairs", 5, 1, "how often a phase without requests and one with them follow one another")
	return o, f.Parse(args)
}
