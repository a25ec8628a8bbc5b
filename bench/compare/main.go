//go:build linux

// Compare puts the floor and confd under the same load in one run, in turn, and reports
// what each costs per caller, or by how much each delays sound.
//
//	compare cpu   [-confd PROGRAM] [flags]
//	compare delay [-confd PROGRAM] [flags]
//	compare late  -confd PROGRAM [flags]
//
// Late loads confd until the machine is busy and reports how late ticks begin; with -video it
// does so beside pictures, too. Without -confd the others measure the floor alone. All traffic stays on loopback. See bench/README.md for the
// commands behind the recorded results.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/confd/confd/bench/floor"
	"github.com/confd/confd/bench/forwarding"
	"github.com/confd/confd/bench/measure"
)

func main() { measure.Program("compare", run) }

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New("what? compare cpu, compare delay, or compare late; -h after each lists its flags")
	}
	switch args[0] {
	case floorCommand:
		return floor.Serve(os.Stdin, out)
	case forwarderCommand:
		return forwarding.Serve(os.Stdin, out)
	case "late":
		l, err := parseLate(args[1:])
		if err != nil {
			return err
		}
		measure.Head(out, "compare", args)
		return l.run(ctx, out)
	case "cpu", "delay":
	default:
		return fmt.Errorf("no command %q: want cpu, delay or late", args[0])
	}
	o, err := parse(args[0], args[1:])
	if err != nil {
		return err
	}
	measure.Head(out, "compare", args)
	contenders := []contender{{name: "floor", start: startFloor}}
	if o.confd != "" {
		contenders = append(contenders, contender{name: "confd", start: startConfd})
	}
	for round := range o.rounds {
		for i := range contenders {
			c := &contenders[i]
			r, err := o.calm(out, head(round, c.name), func() (result, error) { return o.measure(ctx, c.start, uint64(round)) })
			if err != nil {
				return fmt.Errorf("round %d of the %s: %w", round+1, c.name, err)
			}
			c.results = append(c.results, r)
			fmt.Fprintln(out, o.line(round, c.name, r))
		}
	}
	_, err = fmt.Fprint(out, "\n", o.summary(contenders))
	return err
}
