//go:build linux

package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/bench/trial"
)

// String is a phase in three lines, the last of which tells whether it can be trusted.
func (p phase) String() string {
	name, requests := "quiet ", ""
	if p.loaded {
		name, requests = "loaded", "\n             "+p.traffic.String()
	}
	return fmt.Sprintf("%s  ticks late: %s\n             ticks take: %s; confd uses %.2f cores, %d collections%s\n             [%s]",
		name, lateness(p.late), quantiles(p.took), p.cpu, p.pauses, requests, trial.Health(p.phones, trial.Fault{What: "ticks given up", Count: p.givenUp}))
}

// lateness tells a histogram of lateness.
func lateness(h measure.Histogram) string {
	return fmt.Sprintf("%s; %d of %d over 1 ms", quantiles(h), h.Over(1024*time.Microsecond), h.Count())
}

func quantiles(h measure.Histogram) string {
	p99 := h.Quantile(0.99)
	return fmt.Sprintf("median %s ms, 99th percentile %s ms (%s to %s), most under %s ms",
		trial.Text(h.Quantile(0.5).Guess), trial.Text(p99.Guess), trial.Text(p99.Low), trial.Text(p99.High),
		trial.Text(h.Quantile(1).High))
}

func (r report) String() string {
	all := slices.Concat(slices.Collect(maps.Values(r.done))...)
	s := fmt.Sprintf("requests: %.0f per second, %d failed, median %s ms, 99th percentile %s ms, most %s ms; %.0f events per second read",
		float64(len(all))/r.window.Seconds(), r.failed,
		trial.Text(measure.Median(all)), trial.Text(measure.Quantile(all, 0.99)), trial.Text(measure.Quantile(all, 1)),
		float64(r.events)/r.window.Seconds())
	if r.failure != nil {
		s += fmt.Sprintf("; first failure: %v", r.failure)
	}
	return s
}

// summary is the figures to keep: all quiet phases against all loaded ones.
func summary(phases []phase) string {
	var late [2]measure.Histogram // quiet, loaded
	kinds := make(map[string][]time.Duration)
	var rises []time.Duration
	for i, p := range phases {
		late[i%2] = late[i%2].Add(p.late)
		for kind, took := range p.traffic.done {
			kinds[kind] = append(kinds[kind], took...)
		}
		if i%2 == 1 {
			rises = append(rises, p.late.Quantile(0.99).Guess-phases[i-1].late.Quantile(0.99).Guess)
		}
	}
	quiet, loaded := late[0].Quantile(0.99), late[1].Quantile(0.99)
	var b strings.Builder
	fmt.Fprintf(&b, "quiet:  ticks late: %s\nloaded: ticks late: %s\n", lateness(late[0]), lateness(late[1]))
	fmt.Fprintf(&b, "rise of the 99th percentile: %s ms, at most %s ms; pairs from %s to %s ms\n",
		trial.Text(loaded.Guess-quiet.Guess), trial.Text(atMost(quiet, loaded)),
		trial.Text(slices.Min(rises)), trial.Text(slices.Max(rises)))
	b.WriteString("budget: it rises by less than 0.5 ms\n\n")
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		took := kinds[kind]
		fmt.Fprintf(&b, "%-18s %6d requests, median %7s ms, 99th percentile %7s ms\n",
			kind, len(took), trial.Text(measure.Median(took)), trial.Text(measure.Quantile(took, 0.99)))
	}
	return b.String()
}

// atMost is the rise if quiet were at its lower edge and loaded at its upper one.
func atMost(quiet, loaded measure.Estimate) time.Duration {
	if loaded.High == math.MaxInt64 {
		return math.MaxInt64
	}
	return loaded.High - quiet.Low
}
