//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/confd/confd/bench/confd"
	"github.com/confd/confd/bench/forwarding"
	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/bench/trial"
	"github.com/confd/confd/bench/wire"
)

// side is what there is beside the sound of confd, and how late ticks were with it.
type side struct {
	name string
	show *forwarding.Show // nil: nothing
	late punctuality
}

// Sides: sound alone, or beside video that is forwarded by confd, by its forwarder in a process
// of its own, by a bare loop.
const (
	sideAlone = "alone"
	sideConfd = "confd"
	sideApart = "apart"
	sideLoop  = "loop"
)

var allSides = []string{sideAlone, sideConfd, sideApart, sideLoop}

func allOf(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// compare has the same pictures forwarded by confd, by its forwarder in another process, and by a bare
// loop, in turns with none: what confd's own does to its ticks is told apart from what
// pictures do to any thread of the machine.
func (l *late) compare(ctx context.Context, p *confd.Process, joined int, out io.Writer) (err error) {
	var sides []*side
	for _, name := range l.sides {
		sides = append(sides, &side{name: name})
	}
	defer func() {
		for _, s := range sides {
			if s.show != nil {
				err = errors.Join(err, s.show.Close())
			}
		}
	}()
	for _, s := range sides {
		if s.name == sideAlone {
			continue
		}
		if err := l.prepare(ctx, p, s); err != nil {
			return fmt.Errorf("video of %q: %w", s.name, err)
		}
	}
	for round := range l.rounds {
		for _, s := range sides {
			if err := l.beside(ctx, p, s, fmt.Sprintf("round %d  %-5s  %d callers", round+1, s.name, joined), out); err != nil {
				return err
			}
		}
	}
	summarize(sides, out)
	return nil
}

// prepare has somebody forward what a side shows.
func (l *late) prepare(ctx context.Context, p *confd.Process, s *side) (err error) {
	if s.show, err = forwarding.NewShow(l.video.load()); err != nil {
		return err
	}
	switch s.name {
	case sideConfd:
		return p.Show(ctx, s.show, l.Joins)
	case sideApart:
		return s.show.Serve(forwarding.Forwarder, self(ctx))
	}
	return s.show.Serve(forwarding.Sockets, self(ctx))
}

// change is how long a side runs before it is measured: the idle work has to adapt.
const change = 2 * time.Second

// beside measures one window with a side.
func (l *late) beside(ctx context.Context, p *confd.Process, s *side, head string, out io.Writer) error {
	playing, stop := context.WithCancel(ctx)
	done := make(chan forwarding.Seen, 1)
	if s.show != nil {
		began := wire.Monotonic() + int64(change)
		go func() { done <- s.show.Play(playing, began) }()
	} else {
		done <- forwarding.Seen{}
	}
	err := trial.Wait(ctx, change)
	var late punctuality
	if err == nil {
		late, err = l.observe(ctx, p, head, out)
	}
	stop()
	seen := <-done
	if err != nil {
		return err
	}
	s.late.add(late)
	if s.show == nil {
		return nil
	}
	_, err = fmt.Fprintf(out, "         %-5s  %v\n", s.name, pictured(seen))
	if seen.Packets == 0 {
		err = fmt.Errorf("nothing came of the pictures that %q forwards", s.name)
	}
	return err
}

func pictured(s forwarding.Seen) string {
	return fmt.Sprintf("%d packets of %d came, pictures late median %.2f ms, 99th percentile %.2f ms",
		s.Packets, s.Due, trial.Milliseconds(s.Late50), trial.Milliseconds(s.Late99))
}

// summarize writes what to keep: how late ticks were beside each side, and the bare thread then.
func summarize(sides []*side, out io.Writer) {
	fmt.Fprintf(out, "\n%-6s %28s %28s %10s\n%-6s %9s %9s %8s %9s %9s %8s %10s\n", "", "ticks late, ms",
		"bare thread late, ms", "p99 of", "beside", "p50", "p99", "max <=", "p50", "p99", "max", "bare's")
	for _, s := range sides {
		bare := s.late.bare
		p99, own := measure.Quantile(bare, 0.99), s.late.late
		fmt.Fprintf(out, "%-6s %9.3f %9.3f %8.1f %9.3f %9.3f %8.1f %10.2f\n", s.name, trial.Milliseconds(own.Quantile(0.5).Guess),
			trial.Milliseconds(own.Quantile(0.99).Guess), trial.Milliseconds(own.Quantile(1).High),
			trial.Milliseconds(measure.Median(bare)), trial.Milliseconds(p99), trial.Milliseconds(measure.Quantile(bare, 1)),
			float64(own.Quantile(0.99).Guess)/float64(max(p99, 1)))
	}
	for _, s := range sides {
		if s.name == sideConfd {
			fmt.Fprintf(out, "\nwith video in confd: %v\nbudget: 99th percentile at most %.3f ms (1 ms, or 0.5 ms more than the bare thread)\n",
				s.late, trial.Milliseconds(s.late.budget()))
		}
	}
}
