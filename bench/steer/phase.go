//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/confd/confd/bench/confd"
	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/bench/trial"
)

// conference is a room with its phones, and who can reach it over HTTP.
type conference struct {
	options options
	folder  string         // of the server's store
	callers *trial.Callers // their thread goes before the HTTP clients, as if these were elsewhere
	server  *confd.Process
	api     *client
	deck    *deck
}

// clientNice keeps what HTTP clients use of the machine from slowing down the server: in
// earnest they are elsewhere.
const clientNice = 10

// open starts a server and fills a room. The room is made over the API, so that changes
// of it are written to the store as they would be in earnest.
func open(ctx context.Context, o options) (c *conference, err error) {
	c = &conference{options: o}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	if c.callers, err = o.Play(trial.RealTime); err != nil {
		return c, err
	}
	if c.folder, err = os.MkdirTemp("", "confd-steer-"); err != nil {
		return c, err
	}
	if c.server, err = confd.Start(ctx, confd.Config{Program: o.confd, Store: filepath.Join(c.folder, "store")}); err != nil {
		return c, err
	}
	if err := measure.GiveWay(clientNice); err != nil {
		return c, err
	}
	c.api = newClient(c.server.HTTP)
	if err := c.api.createRoom(ctx, confd.Room(0)); err != nil {
		return c, err
	}
	if err := c.server.Join(ctx, c.callers, c.callers.ByRoom(), o.Joins); err != nil {
		return c, err
	}
	people, err := c.api.participants(ctx, confd.Room(0))
	c.deck = newDeck(confd.Room(0), people, 1)
	return c, err
}

func (c *conference) close() (err error) {
	if c.server != nil {
		err = c.server.Stop()
	}
	if c.callers != nil {
		c.callers.Close()
	}
	return errors.Join(err, os.RemoveAll(c.folder))
}

// phase is what was measured in a window without requests, or amid them.
type phase struct {
	loaded  bool
	phones  *fleet.Report
	cpu     float64           // the server's, in cores
	late    measure.Histogram // begin of ticks behind their due time
	took    measure.Histogram // length of ticks
	givenUp int               // ticks left out because the machine was too late
	pauses  int               // collections of garbage
	traffic report
}

// phase runs one phase. A loaded one is over when all its requests have been answered.
func (c *conference) phase(ctx context.Context, loaded bool) (phase, error) {
	if !loaded {
		return c.observe(ctx, new(traffic))
	}
	t := newTraffic(c.api, c.options.rate, c.deck)
	running, stop := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		t.run(running, c.options.watchers)
	}()
	p, err := c.observe(ctx, t)
	stop()
	<-over
	p.loaded = true
	return p, err
}

// observe waits until things have settled, and reads one window.
func (c *conference) observe(ctx context.Context, t *traffic) (p phase, err error) {
	if err := trial.Wait(ctx, c.options.Settle); err != nil {
		return p, err
	}
	before, err := c.read(ctx)
	if err != nil {
		return p, err
	}
	c.callers.Begin()
	t.begin()
	if err := trial.Wait(ctx, c.options.Window); err != nil {
		return p, err
	}
	p.traffic, p.phones = t.report(), c.callers.Report()
	after, err := c.read(ctx)
	if err != nil {
		return p, err
	}
	p.cpu = (after.cpu - before.cpu).Seconds() / after.at.Sub(before.at).Seconds()
	d := after.metrics.Since(before.metrics)
	p.late, p.took = d.Histogram("confd_tick_lateness_seconds"), d.Histogram("confd_tick_duration_seconds")
	p.givenUp, p.pauses = int(d["confd_ticks_given_up_total"]), int(d["go_gc_duration_seconds_count"])
	if p.late.Count() == 0 {
		return p, errors.New("the server tells of no tick")
	}
	return p, nil
}

// reading is what the server has come to at a moment.
type reading struct {
	at      time.Time
	cpu     time.Duration
	metrics measure.Metrics
}

func (c *conference) read(ctx context.Context) (r reading, err error) {
	if r.metrics, err = c.server.Metrics(ctx); err != nil {
		return r, err
	}
	r.at = time.Now()
	if r.cpu, err = c.server.CPU(); err != nil {
		return r, fmt.Errorf("read processor time: %w", err)
	}
	return r, nil
}
