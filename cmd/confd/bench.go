//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/bench/mixing"
	"github.com/confd/confd/codec"
	"github.com/confd/confd/internal/buildinfo"
	"github.com/confd/confd/media"
)

// benchCommand is what can be measured.
type benchCommand struct {
	Mix       benchMix       `cmd:"" default:"withargs" help:"What mixing costs: the kernel, the whole tick and the transport of a room. This is the default."`
	Forward   benchForward   `cmd:"" help:"What forwarding a video packet costs, beside the barest loop that does as much."`
	Multicast benchMulticast `cmd:"" help:"What an audience costs over unicast and over a multicast group, on a network of its own. Takes root."`
}

type benchMix struct {
	Participants []int         `placeholder:"N" default:"10,100,1000" help:"Sizes of rooms, each 1 to 2000. Default ${default}."`
	Talkers      []int         `placeholder:"N" default:"3" help:"How many of them talk, without a pause, each 1 to 50. Default ${default}."`
	Codec        []string      `placeholder:"NAME" default:"pcmu,opus" help:"What they speak: pcmu, pcma, g722, opus or l16; with + between them, in turn. Default ${default}."`
	Rate         int           `placeholder:"HZ" help:"Samples per second of opus and l16. Default: 48000 of opus, 16000 of l16."`
	PacketTime   time.Duration `placeholder:"TIME" default:"20ms" help:"Sound in a packet, and time between ticks: 10ms or 20ms. Default ${default}."`
	For          time.Duration `placeholder:"TIME" default:"1s" help:"How long to measure each room, 10ms to 10m; to settle takes more. Default ${default}."`
	JSON         bool          `name:"json" help:"Print JSON."`
	Plot         string        `placeholder:"FILE" help:"Draw cost against participants, as SVG."`
}

// Help says what the figures are.
func (benchMix) Help() string {
	return `For each room, on one thread, in turns with the floor beside it:

  kernel     adding the talkers up and taking each of them out again; the floor is a copy of as many bytes in the first-level cache
  tick       the whole tick, packets ready-made and sent nowhere; the floor are the bare codec calls: a decode per talker, an encode per class
  transport  a receive and a send for each participant; the floor are bare ones of as many bytes on raw sockets
  whole      tick and transport together, and both floors

Costs are nanoseconds of processor time for each tick. The ratio of cost to floor is what can be compared with other runs and machines.`
}

// Limits of --for.
const (
	shortestBench = 10 * time.Millisecond
	longestBench  = 10 * time.Minute
)

// Run measures case by case and prints each as soon as it is known.
func (c benchMix) Run(ctx context.Context, m *Main) error {
	cases, left, err := c.cases()
	if err != nil {
		return &usageError{err}
	}
	var drawing *os.File
	if c.Plot != "" { // now, and not when all has been measured
		if drawing, err = os.Create(c.Plot); err != nil {
			return fmt.Errorf("--plot: %w", err)
		}
		defer drawing.Close()
	}
	out := io.Discard
	if !c.JSON {
		out = m.Stdout
	}
	r, err := c.measure(ctx, cases, left, out)
	if err != nil {
		return err
	}
	if drawing != nil {
		if _, err := drawing.Write(r.plot()); err != nil {
			return fmt.Errorf("--plot: %w", err)
		}
		if err := drawing.Close(); err != nil {
			return fmt.Errorf("--plot: %w", err)
		}
	}
	if c.JSON {
		e := json.NewEncoder(m.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	return nil
}

// cases are all rooms that the flags ask for; left are those with more talkers than people.
func (c benchMix) cases() (cases []mixing.Case, left []string, err error) {
	switch {
	case c.For < shortestBench || c.For > longestBench:
		return nil, nil, fmt.Errorf("--for: %v; right is %v to %v", c.For, shortestBench, longestBench)
	}
	for _, names := range c.Codec {
		formats, err := c.formats(names)
		if err != nil {
			return nil, nil, fmt.Errorf("--codec: %w", err)
		}
		for _, talkers := range c.Talkers {
			for _, n := range c.Participants {
				if talkers > n && n > 0 {
					left = append(left, fmt.Sprintf("%d talkers among %d", talkers, n))
					continue
				}
				k := mixing.Case{Participants: n, Talkers: talkers, Formats: formats}
				if err := k.Check(); err != nil {
					return nil, nil, fmt.Errorf("bench mix: %w", err)
				}
				cases = append(cases, k)
			}
		}
	}
	if len(cases) == 0 {
		return nil, nil, errors.New("bench mix: nothing to measure: want as many participants as talkers, or more")
	}
	return cases, slices.Compact(left), nil
}

// formats are the codecs that a name has between its plus signs.
func (c benchMix) formats(names string) (all []media.Format, err error) {
	for name := range strings.SplitSeq(names, "+") {
		f, err := mixing.Format(name, c.Rate, c.PacketTime)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// benchReport is what was measured. Its JSON has units in its names, and keeps them.
type benchReport struct {
	Schema       int         `json:"schema"`
	Subject      string      `json:"subject"`
	Program      string      `json:"program"`
	Began        time.Time   `json:"began"`
	Machine      string      `json:"machine"`
	Scheduling   string      `json:"scheduling"`
	StealPercent float64     `json:"steal_percent"`
	Cases        []benchCase `json:"cases"`
}

type benchCase struct {
	Codec        string    `json:"codec"`
	RateHz       int       `json:"rate_hz"` // the best that anyone has
	PacketTimeMS float64   `json:"packet_time_ms"`
	Participants int       `json:"participants"`
	Talkers      int       `json:"talkers"`
	Kernel       benchCost `json:"kernel"`
	Tick         benchCost `json:"tick"`
	Transport    benchCost `json:"transport"`
	Whole        benchCost `json:"whole"`
}

// benchCost is nanoseconds per tick.
type benchCost struct {
	mixing.Cost
	Ratio float64 `json:"ratio"`
}

func (c benchMix) measure(ctx context.Context, cases []mixing.Case, left []string, out io.Writer) (*benchReport, error) {
	r := &benchReport{Schema: 1, Subject: "mix", Program: buildinfo.String(), Began: time.Now().UTC(), Machine: measure.Machine(), Scheduling: measure.Scheduling()}
	before, err := measure.StealSoFar()
	if err != nil {
		return nil, err
	}
	if err := c.head(out, r, left); err != nil {
		return nil, err
	}
	for _, k := range cases {
		result, err := mixing.Measure(ctx, k, c.For)
		if err != nil {
			return nil, fmt.Errorf("bench mix: %s, %d participants, %d talkers: %w", k.Codec(), k.Participants, k.Talkers, err)
		}
		r.Cases = append(r.Cases, caseOf(k, result))
		if _, err := io.WriteString(out, r.Cases[len(r.Cases)-1].lines()); err != nil {
			return nil, err
		}
	}
	after, err := measure.StealSoFar()
	if err != nil {
		return nil, err
	}
	r.StealPercent = after.PercentSince(before)
	_, err = fmt.Fprintf(out, "\nstolen from the machine meanwhile: %.2f %%\n", r.StealPercent)
	return r, err
}

// head tells where and how, and heads the columns.
func (c benchMix) head(out io.Writer, r *benchReport, left []string) error {
	for _, l := range left {
		fmt.Fprintf(out, "left out: %s\n", l)
	}
	fmt.Fprintf(out, "%s\nmachine: %s\nscheduling: %s\n", r.Program, r.Machine, r.Scheduling)
	if slices.ContainsFunc(c.Codec, func(s string) bool { return strings.Contains(s, "opus") }) {
		fmt.Fprintf(out, "opus: 32 kb/s, complexity %d\n", codec.DefaultComplexity)
	}
	_, err := fmt.Fprintf(out, "\n%-12s %6s %7s  %-10s %12s %12s %12s %8s\n", "CODEC", "PEOPLE", "TALKERS", "WHAT", "NS/TICK", "NS/PERSON", "FLOOR", "RATIO")
	return err
}

func caseOf(k mixing.Case, r mixing.Result) benchCase {
	cost := func(c mixing.Cost) benchCost { return benchCost{c, c.Ratio()} }
	return benchCase{
		Codec: k.Codec(), RateHz: k.Rate(), PacketTimeMS: float64(k.Formats[0].PacketTime) / 1e6, Participants: k.Participants, Talkers: k.Talkers,
		Kernel: cost(r.Kernel), Tick: cost(r.Tick), Transport: cost(r.Transport), Whole: cost(r.Whole),
	}
}

// lines are a case in the columns of head.
func (c *benchCase) lines() string {
	var b strings.Builder
	for _, each := range []struct {
		what string
		cost benchCost
	}{{"kernel", c.Kernel}, {"tick", c.Tick}, {"transport", c.Transport}, {"whole", c.Whole}} {
		perPerson := fmt.Sprintf("%.1f", each.cost.NS/float64(c.Participants))
		if each.what == "kernel" {
			perPerson = "" // it is per talker, if anything
		}
		fmt.Fprintf(&b, "%-12s %6d %7d  %-10s %12.0f %12s %12.0f %8.2f\n", c.Codec, c.Participants, c.Talkers, each.what,
			each.cost.NS, perPerson, each.cost.FloorNS, each.cost.Ratio)
	}
	return b.String()
}
