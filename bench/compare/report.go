//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/bench/trial"
)

// line is one round of one contender, with what tells whether it can be trusted.
func (o *options) line(round int, name string, r result) string {
	figures := perCaller(r.cpu)
	if o.delay {
		figures = delays(r.delays)
	}
	if did := r.coded.text(); did != "" {
		figures += "; " + did
	}
	return fmt.Sprintf("%s  %s  [%.0f %% heard; %s]", head(round, name), figures, 100*r.heard, r.callers)
}

// head begins the lines of a round.
func head(round int, name string) string { return fmt.Sprintf("round %d  %-5s", round+1, name) }

// perCaller writes a share of a core per caller, as percent and as time in a tick.
func perCaller(share float64) string {
	return fmt.Sprintf("%.4f %% of a core per caller (%.2f µs per tick)", 100*share, share*20000)
}

func delays(d fleet.Delays) string {
	return fmt.Sprintf("median %.1f ms, 99th percentile %.1f ms, most %.1f ms of %d times",
		trial.Milliseconds(d.Quantile(0.5)), trial.Milliseconds(d.Quantile(0.99)), trial.Milliseconds(d.Quantile(1)), d.Len())
}

// summary is the figures to keep: medians over the rounds, and the ratio.
func (o *options) summary(contenders []contender) string {
	var b strings.Builder
	if o.delay {
		for _, c := range contenders {
			var all fleet.Delays
			for _, r := range c.results {
				all.Add(r.delays)
			}
			fmt.Fprintf(&b, "%s: added delay %s\n", c.name, delays(all))
		}
		b.WriteString("budget: median at most 12 ms (half a frame and 2 ms), 99th percentile at most 25 ms (a frame and 5 ms)\n")
		return b.String()
	}
	var medians []float64
	for _, c := range contenders {
		shares := make([]float64, len(c.results))
		for i, r := range c.results {
			shares[i] = r.cpu
		}
		medians = append(medians, measure.Median(shares))
		fmt.Fprintf(&b, "%s: %s, rounds from %.4f to %.4f %%\n", c.name,
			perCaller(measure.Median(shares)), 100*slices.Min(shares), 100*slices.Max(shares))
	}
	if len(medians) == 2 {
		fmt.Fprintf(&b, "ratio: %.2f\n", medians[1]/medians[0])
	}
	return b.String()
}
