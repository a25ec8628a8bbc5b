//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/confd/confd/bench/callers"
	"github.com/confd/confd/bench/floor"
	"github.com/confd/confd/bench/measure"
)

// floorCommand makes this program a floor process.
const floorCommand = "floor"

// yardstick is the floor process, with all rooms.
type yardstick struct {
	*floor.Process
	options *options
	load    *callers.Load
}

func startFloor(_ context.Context, o *options, load *callers.Load) (server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	p, err := floor.Start(exec.Command(self, floorCommand), o.floor(), load.Locals())
	if err != nil {
		return nil, err
	}
	return &yardstick{p, o, load}, nil
}

func (y *yardstick) join(context.Context) error {
	for i, leg := range y.Legs {
		if err := y.load.Connect(i, leg, y.options.floor().PayloadType()); err != nil {
			return err
		}
	}
	return nil
}

func (y *yardstick) cpu() (time.Duration, error) { return measure.CPU(y.PID()) }

func (y *yardstick) codings(context.Context) (codings, error) { return codings{}, nil }

func (y *yardstick) stop() error {
	_, err := y.Stop()
	return err
}
