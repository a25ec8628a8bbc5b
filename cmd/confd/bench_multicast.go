//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/confd/confd/bench/multicast"
	"github.com/confd/confd/internal/netlab"
)

// benchMulticast measures unicast against a room's group.
type benchMulticast struct {
	Hosts  []int         `placeholder:"N" default:"1,2,5,10,20,50" help:"How many hosts listen, each 1 to 197. Default ${default}."`
	For    time.Duration `placeholder:"TIME" default:"10s" help:"How long to measure each, 1s to 10m; to join and settle takes more. Default ${default}."`
	Settle time.Duration `placeholder:"TIME" default:"23s" help:"How long before that the listeners of a group have been in it, up to 10m: they ask for tokens in the first 20 s. Callers settle within 3 s. Default ${default}."`
	Codec  string        `default:"pcmu" enum:"pcmu,opus" help:"What the listeners hear: pcmu, whose rate never changes, or opus. Default ${default}."`
	Crowd  int           `placeholder:"N" default:"10000" help:"Receivers whose reports are simulated at the end, up to 100000; 0 is none. Default ${default}."`
	JSON   string        `name:"json" placeholder:"FILE" help:"Write all figures, as JSON."`
	Plot   string        `placeholder:"FILE" help:"Draw traffic and processor time against hosts, as SVG."`
}

// Help says what the figures are.
func (benchMulticast) Help() string {
	return `Hosts are network namespaces on a switch that snoops on IGMP; it takes root, ip and nft. One room with three talkers is heard by a listener in each host, first by a call of its own, then by "confd listen" and the room's multicast group.

  MBIT/S, PACKETS/S  out of the server's network interface, which the talkers do not use
  CPU %              of one processor, by the server
  OF REF             times what a second server uses meanwhile, whose group has one listener all the time; NOISE % is its standard error
  LOSS, JITTER       as the worst host has it, and the middle one
  RTCP IN, OUT       of the group, with what is sent again; FEEDBACK% is their share of the bandwidth that its description tells

It is an error if a bound is not kept: that the group's traffic and processor time are those of one host with any number, and feedback under 5 %.`
}

// Limits of the flags.
const (
	shortestWindow = time.Second
	mostReceivers  = 100_000
)

func (c *benchMulticast) check() error {
	slices.Sort(c.Hosts)
	c.Hosts = slices.Compact(c.Hosts)
	switch {
	case len(c.Hosts) == 0 || c.Hosts[0] < 1 || c.Hosts[len(c.Hosts)-1] > multicast.MostHosts:
		return fmt.Errorf("--hosts: %v; right is 1 to %d", c.Hosts, multicast.MostHosts)
	case c.For < shortestWindow || c.For > longestBench:
		return fmt.Errorf("--for: %v; right is %v to %v", c.For, shortestWindow, longestBench)
	case c.Settle < 0 || c.Settle > longestBench:
		return fmt.Errorf("--settle: %v; right is 0 to %v", c.Settle, longestBench)
	case c.Crowd < 0 || c.Crowd > mostReceivers:
		return fmt.Errorf("--crowd: %d; right is 0 to %d", c.Crowd, mostReceivers)
	}
	return nil
}

// Run measures case by case and prints each as soon as it is known.
func (c benchMulticast) Run(ctx context.Context, m *Main) error {
	if err := c.check(); err != nil {
		return &usageError{err}
	}
	if err := netlab.Possible(); err != nil {
		return fmt.Errorf("bench multicast: %w", err)
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	r, err := multicast.Run(ctx, multicast.Config{Program: program, Hosts: c.Hosts, For: c.For, Settle: c.Settle, Codec: c.Codec, Crowd: c.Crowd,
		Told: func(r *multicast.Report, k *multicast.Case) error {
			if k == nil {
				return r.Head(m.Stdout)
			}
			return k.Write(m.Stdout)
		}})
	if err != nil {
		return fmt.Errorf("bench multicast: %w", err)
	}
	return errors.Join(r.Tail(m.Stdout), c.write(r), r.Missed())
}

func (c *benchMulticast) write(r *multicast.Report) (err error) {
	if c.Plot != "" {
		err = os.WriteFile(c.Plot, r.Plot(), 0o644)
	}
	if c.JSON == "" {
		return err
	}
	text, failed := json.MarshalIndent(r, "", "  ")
	if failed == nil {
		failed = os.WriteFile(c.JSON, append(text, '\n'), 0o644)
	}
	return errors.Join(err, failed)
}
