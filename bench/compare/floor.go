//go:build linux

package main

import (
	"context"
	"errors"
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

// floors is a floor process for each room.
type floors struct {
	options *options
	load    *callers.Load
	rooms   []*floor.Process
}

func startFloor(_ context.Context, o *options, load *callers.Load) (server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	f := &floors{options: o, load: load}
	peers := load.Locals()
	perRoom := len(peers) / o.rooms
	for room := range o.rooms {
		p, err := floor.Start(exec.Command(self, floorCommand), o.floor(), peers[room*perRoom:(room+1)*perRoom])
		if err != nil {
			return nil, errors.Join(err, f.stop())
		}
		f.rooms = append(f.rooms, p)
	}
	return f, nil
}

func (f *floors) join(context.Context) error {
	i := 0
	for _, p := range f.rooms {
		for _, leg := range p.Legs {
			if err := f.load.Connect(i, leg, f.options.floor().PayloadType()); err != nil {
				return err
			}
			i++
		}
	}
	return nil
}

func (f *floors) cpu() (sum time.Duration, err error) {
	for _, p := range f.rooms {
		used, err := measure.CPU(p.PID())
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

func (f *floors) stop() (err error) {
	for _, p := range f.rooms {
		_, stopped := p.Stop()
		err = errors.Join(err, stopped)
	}
	return err
}
