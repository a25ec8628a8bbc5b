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
func lateness(h histogram) string {
	return fmt.Sprintf("%s; %d of %d over 1 ms", quantiles(h), h.over(1024*time.Microsecond), h.count())
}

func quantiles(h histogram) string {
	p99 := h.quantile(0.99)
	return fmt.Sprintf("median %s ms, 99th percentile %s ms (%s to %s), most under %s ms",
		milliseconds(h.quantile(0.5).guess), milliseconds(p99.guess), milliseconds(p99.low), milliseconds(p99.high),
		milliseconds(h.quantile(1).high))
}

func milliseconds(d time.Duration) string {
	if d == math.MaxInt64 {
		return "any"
	}
	return fmt.Sprintf("%.3f", float64(d)/1e6)
}

func (r report) String() string {
	all := slices.Concat(slices.Collect(maps.Values(r.done))...)
	s := fmt.Sprintf("requests: %.0f per second, %d failed, median %s ms, 99th percentile %s ms, most %s ms; %.0f events per second read",
		float64(len(all))/r.window.Seconds(), r.failed,
		milliseconds(measure.Median(all)), milliseconds(measure.Quantile(all, 0.99)), milliseconds(measure.Quantile(all, 1)),
		float64(r.events)/r.window.Seconds())
	if r.failure != nil {
		s += fmt.Sprintf("; first failure: %v", r.failure)
	}
	return s
}

// summary is the figures to keep: all quiet phases against all loaded ones.
func summary(phases []phase) string {
	var late [2]histogram // quiet, loaded
	kinds := make(map[string][]time.Duration)
	var rises []time.Duration
	for i, p := range phases {
		late[i%2] = late[i%2].add(p.late)
		for kind, took := range p.traffic.done {
			kinds[kind] = append(kinds[kind], took...)
		}
		if i%2 == 1 {
			rises = append(rises, p.late.quantile(0.99).guess-phases[i-1].late.quantile(0.99).guess)
		}
	}
	quiet, loaded := late[0].quantile(0.99), late[1].quantile(0.99)
	var b strings.Builder
	fmt.Fprintf(&b, "quiet:  ticks late: %s\nloaded: ticks late: %s\n", lateness(late[0]), lateness(late[1]))
	fmt.Fprintf(&b, "rise of the 99th percentile: %s ms, at most %s ms; pairs from %s to %s ms\n",
		milliseconds(loaded.guess-quiet.guess), milliseconds(atMost(quiet, loaded)),
		milliseconds(slices.Min(rises)), milliseconds(slices.Max(rises)))
	b.WriteString("budget: it rises by less than 0.5 ms\n\n")
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		took := kinds[kind]
		fmt.Fprintf(&b, "%-18s %6d requests, median %7s ms, 99th percentile %7s ms\n",
			kind, len(took), milliseconds(measure.Median(took)), milliseconds(measure.Quantile(took, 0.99)))
	}
	return b.String()
}

// atMost is the rise if quiet were at its lower edge and loaded at its upper one.
func atMost(quiet, loaded quantile) time.Duration {
	if loaded.high == math.MaxInt64 {
		return math.MaxInt64
	}
	return loaded.high - quiet.low
}
