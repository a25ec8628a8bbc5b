//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/confd/confd/bench/callers"
	"github.com/confd/confd/bench/measure"
)

// line is one round of one contender, with what tells whether it can be trusted.
func (o *options) line(round int, name string, r result) string {
	head := fmt.Sprintf("round %d  %-5s  %s", round+1, name, perCaller(r.cpu))
	if o.delay {
		head = fmt.Sprintf("round %d  %-5s  %s", round+1, name, delays(r.Delays))
	}
	if did := r.coded.text(); did != "" {
		head += "; " + did
	}
	return fmt.Sprintf("%s  [heard -%d dBov; %s]", head, r.heard, health(r.Report))
}

// perCaller writes a share of a core per caller, as percent and as time in a tick.
func perCaller(share float64) string {
	return fmt.Sprintf("%.4f %% of a core per caller (%.2f µs per tick)", 100*share, share*20000)
}

func delays(all []time.Duration) string {
	return fmt.Sprintf("median %.2f ms, 99th percentile %.2f ms, most %.2f ms of %d marks",
		milliseconds(measure.Median(all)), milliseconds(measure.Quantile(all, 0.99)),
		milliseconds(measure.Quantile(all, 1)), len(all))
}

func milliseconds(d time.Duration) float64 { return float64(d) / 1e6 }

// health names everything that should be zero and is not.
func health(r callers.Report) string {
	var bad []string
	for _, c := range []struct {
		what  string
		count int
	}{
		{"lost", r.Lost}, {"out of order", r.Disordered}, {"callers starved", r.Starved},
		{"marks missed", r.Missed}, {"marks unexpected", r.Strange},
	} {
		if c.count > 0 {
			bad = append(bad, fmt.Sprintf("%d %s", c.count, c.what))
		}
	}
	if len(bad) == 0 {
		bad = []string{"no packet lost"}
	}
	return fmt.Sprintf("%s; load late %.1f ms", strings.Join(bad, ", "), milliseconds(r.Late))
}

// summary is the figures to keep: medians over the rounds, and the ratio.
func (o *options) summary(contenders []contender) string {
	var b strings.Builder
	if o.delay {
		for _, c := range contenders {
			var all []time.Duration
			for _, r := range c.results {
				all = append(all, r.Delays...)
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
