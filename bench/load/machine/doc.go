//go:build linux

// Package machine reads what a server spends while a load is on it, from its process or from
// its page of metrics, and names the machine that the load runs on.
package machine

import (
	"context"
	"time"

	"github.com/confd/confd/bench/load/report"
	"github.com/confd/confd/bench/measure"
)

// Sample is what a server has spent so far, and holds now.
type Sample struct {
	At      time.Time
	CPU     time.Duration // user and system
	RSS     int64         // bytes
	Threads int           // 0 if unknown
}

// Probe looks at a server. It belongs to one goroutine at a time.
type Probe interface {
	// Sample looks now. It is cheap enough to be called every second.
	Sample(context.Context) (Sample, error)
	// String says where the figures come from.
	String() string
}

// Spent says what a server spent from one sample to another for so many callers, and how its
// memory grew since idle, before the first of them. It is nil if no time went by.
func Spent(p Probe, idle, from, to Sample, callers int) *report.Server {
	window := to.At.Sub(from.At)
	if window <= 0 {
		return nil
	}
	s := &report.Server{
		Source: p.String(), CPUPercent: 100 * float64(to.CPU-from.CPU) / float64(window),
		RSSBytes: to.RSS, Threads: to.Threads,
	}
	if callers > 0 {
		s.CPUPercentPerCaller = s.CPUPercent / float64(callers)
		s.RSSBytesPerCaller = (to.RSS - idle.RSS) / int64(callers)
	}
	return s
}

// Here describes this machine, and what was stolen from it since before.
func Here(before measure.Steal) report.Machine {
	m := report.Machine{Name: measure.Machine(), Scheduling: measure.Scheduling()}
	if now, err := measure.StealSoFar(); err == nil {
		m.StealPercent = now.PercentSince(before)
	}
	return m
}
