//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"

	"github.com/confd/confd/bench/forwarding"
	"github.com/confd/confd/bench/trial"
	"github.com/confd/confd/bench/wire"
)

// forwarderCommand has this program forward pictures.
const forwarderCommand = "forwarder"

func self(ctx context.Context) *exec.Cmd {
	return exec.CommandContext(ctx, "/proc/self/exe", forwarderCommand)
}

// pictures are those of one camera.
type pictures struct {
	screens int // 0: there are none
	bitrate int // kbit/s
}

func (p *pictures) flags(f *trial.Flags, use string) {
	f.IntVar(&p.screens, "video", 0, use)
	f.IntVar(&p.bitrate, "video-bitrate", 1200, "what the camera sends, kbit/s")
}

func (p *pictures) load() forwarding.Case {
	return forwarding.Case{Senders: 1, Receivers: p.screens, Bitrate: p.bitrate * 1000}
}

func (p *pictures) check() error {
	if p.screens == 0 {
		return nil
	}
	if err := p.load().Check(); err != nil {
		return fmt.Errorf("-video, -video-bitrate: %w", err)
	}
	return nil
}

// beside has a server forward pictures too, or a bare loop beside one that cannot, until stop.
func (p *pictures) beside(ctx context.Context, s server, joins int) (stop func() error, err error) {
	if p.screens == 0 {
		return func() error { return nil }, nil
	}
	show, err := forwarding.NewShow(p.load())
	if err != nil {
		return nil, err
	}
	if confd, ok := s.(*program); ok {
		err = confd.process.Show(ctx, show, joins)
	} else {
		err = show.Serve(forwarding.Sockets, self(ctx))
	}
	if err != nil {
		return nil, errors.Join(err, show.Close())
	}
	playing, end := context.WithCancel(ctx)
	done := make(chan forwarding.Seen)
	go func() { done <- show.Play(playing, wire.Monotonic()) }()
	return func() error {
		end()
		if seen := <-done; seen.Packets == 0 {
			err = errors.New("nothing came of the pictures")
		}
		return errors.Join(err, show.Close())
	}, nil
}
