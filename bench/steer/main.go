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
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/confd/confd/bench/measure"
)

func main() { measure.Program("steer", run) }

// spareProcessors are as many as there are HTTP clients at work at a time, and some.
const spareProcessors = 64

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	// The phones' thread shares a runtime with the HTTP clients and must not wait for a
	// processor of it.
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), spareProcessors))
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
	confd            string
	callers, talkers int
	rate, watchers   int
	pairs            int
	settle, window   time.Duration
	joins            int // per second
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("steer", flag.ContinueOnError)
	f.StringVar(&o.confd, "confd", "", "the confd `program`")
	f.IntVar(&o.callers, "callers", 200, "callers in the room, G.711")
	f.IntVar(&o.talkers, "talkers", 3, "how many of them talk")
	f.IntVar(&o.rate, "rate", 1000, "requests per second")
	f.IntVar(&o.watchers, "watchers", 4, "readers of all events")
	f.IntVar(&o.pairs, "pairs", 5, "how often a phase without requests and one with them follow one another")
	f.DurationVar(&o.window, "for", 10*time.Second, "length of what is measured of a phase")
	f.DurationVar(&o.settle, "settle", 2*time.Second, "time between a phase's beginning and what is measured of it")
	f.IntVar(&o.joins, "joins", 100, "calls placed per second")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("unexpected %q: flags only", f.Arg(0))
	case o.confd == "":
		return o, errors.New("-confd is missing: it names the program to measure")
	case o.callers < 1 || o.rate < 1 || o.pairs < 1 || o.joins < 1 || o.watchers < 0:
		return o, errors.New("-callers, -rate, -pairs and -joins must be at least 1, -watchers not below 0")
	case o.window < time.Second:
		return o, fmt.Errorf("-for %v: want at least 1s", o.window)
	}
	return o, nil
}
