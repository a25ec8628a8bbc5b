//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/confd/confd/bench/floor"
	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/bench/trial"
)

// floorCommand makes this program a floor process.
const floorCommand = "floor"

// yardstick is the floor process, with all rooms.
type yardstick struct {
	*floor.Process
	options *options
	callers *trial.Callers
}

func startFloor(_ context.Context, o *options, c *trial.Callers) (server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	p, err := floor.Start(exec.Command(self, floorCommand), o.floor(), c.Locals())
	if err != nil {
		return nil, err
	}
	return &yardstick{p, o, c}, nil
}

func (y *yardstick) join(context.Context) error {
	return y.callers.Reach(y.Legs, y.options.floor().PayloadType())
}

func (y *yardstick) cpu() (time.Duration, error) { return measure.CPU(y.PID()) }

func (y *yardstick) codings(context.Context) (codings, error) { return codings{}, nil }

func (y *yardstick) stop() error {
	_, err := y.Stop()
	return err
}
