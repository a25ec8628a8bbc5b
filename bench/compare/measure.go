//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/trial"
)

// server is what callers can join.
type server interface {
	// join connects every caller.
	join(ctx context.Context) error
	// cpu returns the processor time that it has used.
	cpu() (time.Duration, error)
	// codings returns what it has coded so far; a server that does not tell has done nothing.
	codings(ctx context.Context) (codings, error)
	// stop ends it; it may be called at any time, once.
	stop() error
}

// starter starts a server for callers.
type starter func(context.Context, *options, *trial.Callers) (server, error)

// contender is one of those compared.
type contender struct {
	name    string
	start   starter
	results []result
}

// result is one round of one contender.
type result struct {
	callers string  // what they met that they should not have
	heard   float64 // part of what they should have, 0 to 1
	delays  fleet.Delays
	late    time.Duration // the callers, 99th percentile
	cpu     float64       // share of a core per caller
	coded   codings
}

// codings are payloads decoded and encoded, and the ticks of rooms in which they were.
type codings struct{ decodes, encodes, ticks float64 }

func (c codings) since(b codings) codings {
	return codings{c.decodes - b.decodes, c.encodes - b.encodes, c.ticks - b.ticks}
}

// text is what a tick of a room has, on average; nothing where nothing was told.
func (c codings) text() string {
	if c.ticks == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f decodes and %.2f encodes a tick", c.decodes/c.ticks, c.encodes/c.ticks)
}

// calm does a round. Where delay is measured it does so again, a few times, while the callers
// themselves were late: that delay is no server's.
func (o *options) calm(out io.Writer, head string, round func() (result, error)) (result, error) {
	for again := 0; ; again++ {
		r, err := round()
		if err != nil || !o.delay || r.late <= maxLate || again == mostAgain {
			return r, err
		}
		fmt.Fprintf(out, "%s  again, since callers were late by %.2f ms\n", head, trial.Milliseconds(r.late))
	}
}

const (
	maxLate   = 500 * time.Microsecond // 99th percentile
	mostAgain = 4
)

// measure runs one round: start, join, settle, measure, stop.
func (o *options) measure(ctx context.Context, start starter, seed uint64) (r result, err error) {
	c, err := o.Play(func(c *fleet.Config) { o.phones(c, seed) })
	if err != nil {
		return r, err
	}
	defer c.Close()
	s, err := start(ctx, o, c)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.join(ctx); err != nil {
		return r, err
	}
	dark, err := o.video.beside(ctx, s, o.Joins)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, dark()) }()
	if err := trial.Wait(ctx, o.Settle); err != nil {
		return r, err
	}
	return o.observe(ctx, s, c)
}

// observe reads one window of processor time and of what the callers met.
func (o *options) observe(ctx context.Context, s server, c *trial.Callers) (r result, err error) {
	coded, err := s.codings(ctx)
	if err != nil {
		return r, err
	}
	c.Begin()
	before, err := s.cpu()
	if err != nil {
		return r, err
	}
	if err := trial.Wait(ctx, o.Window); err != nil {
		return r, err
	}
	met := c.Report()
	after, err := s.cpu()
	if err != nil {
		return r, err
	}
	if r.coded, err = s.codings(ctx); err != nil {
		return r, err
	}
	r.coded = r.coded.since(coded)
	r.cpu = (after - before).Seconds() / met.Window.Seconds() / float64(o.Callers)
	r.callers = trial.Health(met)
	later, err := c.Judged(ctx, o.enough)
	_, r.delays = later.Heard()
	r.late = later.Late
	r.heard = trial.Heard(later)
	return r, err
}

// enough tells whether ears have judged what is needed: each talker, or as many delays as there
// are of each in a window.
func (o *options) enough(r *fleet.Report) bool {
	if !o.delay {
		return trial.EachOnce(r)
	}
	_, d := r.Heard()
	return r.Window > o.Window+judged && d.Len() > 0
}

// judged is by when ears have judged what was said.
const judged = 4 * time.Second
