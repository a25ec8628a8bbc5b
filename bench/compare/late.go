//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/confd/confd/bench/confd"
	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/bench/trial"
	"github.com/confd/confd/bench/wire"
	"github.com/confd/confd/internal/clock"
)

// late finds out how late ticks begin on a busy machine, beside a thread that does nothing
// but sleep until it is due.
type late struct {
	trial.Load
	confd  string
	busy   float64 // share of all processors that is used
	rounds int
	video  pictures
	sides  []string // of video, in turns
}

func parseLate(args []string) (late, error) {
	l := late{Load: trial.Load{Callers: 4000, Rooms: 80, Talkers: 3, Joins: 200, Settle: 4 * time.Second, Window: 10 * time.Second}}
	var percent int
	f := trial.NewFlags("compare late")
	f.Confd(&l.confd)
	f.Count(&percent, "busy", 80, 1, "percent of all processors' time that is used; callers join until they and confd use three quarters of that, or all have, and idle work the rest")
	f.Count(&l.rounds, "rounds", 3, 1, "measurements, one behind the other")
	l.Flags(f, "callers", "rooms", "talkers", "joins", "settle", "for")
	l.video.flags(f, "measure in turns: sound alone, and beside pictures of one camera for so many, which -beside forward")
	sides := f.String("beside", strings.Join(allSides, ","), "what -video measures in turns: nothing, or `who` forwards")
	if err := f.Parse(args); err != nil {
		return l, err
	}
	l.busy, l.sides = float64(percent)/100, strings.Split(*sides, ",")
	switch {
	case percent > 100:
		return l, fmt.Errorf("-busy %d: want at most 100", percent)
	case !allOf(l.sides, allSides):
		return l, fmt.Errorf("-beside %s: want some of %s", *sides, strings.Join(allSides, ","))
	}
	return l, l.video.check()
}

// run has callers join until the processors are busy, then measures.
func (l *late) run(ctx context.Context, out io.Writer) (err error) {
	c, err := l.Play(trial.RealTime)
	if err != nil {
		return err
	}
	defer c.Close()
	p, err := confd.Start(ctx, confd.Config{Program: l.confd})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	joined, err := l.fill(ctx, p, c)
	if err != nil {
		return err
	}
	burning, cool := context.WithCancel(ctx)
	cold := make(chan struct{})
	go func() {
		defer close(cold)
		burn(burning, l.busy)
	}()
	defer func() {
		cool()
		<-cold
	}()
	if err := trial.Wait(ctx, l.Settle); err != nil {
		return err
	}
	if l.video.screens > 0 {
		return l.compare(ctx, p, joined, out)
	}
	var all punctuality
	for round := range l.rounds {
		seen, err := l.observe(ctx, p, fmt.Sprintf("round %d  %d callers", round+1, joined), out)
		if err != nil {
			return err
		}
		all.add(seen)
	}
	_, err = fmt.Fprintf(out, "\nconfd: %v\nbudget: 99th percentile at most %.3f ms (1 ms, or 0.5 ms more than the bare thread)\n",
		all, trial.Milliseconds(all.budget()))
	return err
}

// filled is the part of what should be used that confd and the callers use by themselves.
const filled = 0.75

// fill lets callers join, room by room, until the processors are nearly as busy as they should be.
func (l *late) fill(ctx context.Context, p *confd.Process, c *trial.Callers) (joined int, err error) {
	for room := range slices.Chunk(c.ByRoom(), l.Callers/l.Rooms) {
		if err := p.Join(ctx, c, room, l.Joins); err != nil {
			return joined, err
		}
		joined += len(room)
		before, err := spent(p)
		if err != nil {
			return joined, err
		}
		if err := trial.Wait(ctx, 200*time.Millisecond); err != nil {
			return joined, err
		}
		if used, err := before.share(p); err != nil || used >= filled*l.busy {
			return joined, err
		}
	}
	return joined, nil
}

// usage is the processor time of confd and of this process at a time.
type usage struct {
	used time.Duration
	at   int64
}

func spent(p *confd.Process) (usage, error) {
	server, err := p.CPU()
	if err != nil {
		return usage{}, err
	}
	own, err := measure.CPU(os.Getpid())
	return usage{server + own, wire.Monotonic()}, err
}

// share returns which share of all processors both have used since then.
func (u usage) share(p *confd.Process) (float64, error) {
	now, err := spent(p)
	return float64(now.used-u.used) / float64(now.at-u.at) / float64(runtime.NumCPU()), err
}

// punctuality is how late ticks and a bare thread were in a time.
type punctuality struct {
	late    measure.Histogram // begin of ticks
	givenUp float64           // ticks
	bare    []time.Duration
}

// observe measures one window.
func (l *late) observe(ctx context.Context, p *confd.Process, head string, out io.Writer) (seen punctuality, err error) {
	machine, err := measure.StealSoFar()
	if err != nil {
		return seen, err
	}
	start, err := spent(p)
	if err != nil {
		return seen, err
	}
	before, err := p.Metrics(ctx)
	if err != nil {
		return seen, err
	}
	seen.bare = sleeper(l.Window)
	after, err := p.Metrics(ctx)
	if err != nil {
		return seen, err
	}
	grown := after.Since(before)
	seen.late, seen.givenUp = grown.Histogram("confd_tick_lateness_seconds"), grown["confd_ticks_given_up_total"]
	now, err := measure.StealSoFar()
	if err != nil {
		return seen, err
	}
	used, err := start.share(p)
	fmt.Fprintf(out, "%s use %.0f %% of the machine, all together %.0f %%, %.1f %% stolen: %s\n",
		head, 100*used, 100*now.BusySince(machine), now.PercentSince(machine), seen)
	return seen, err
}

// add has o as part of the same time.
func (p *punctuality) add(o punctuality) {
	p.late, p.givenUp = p.late.Add(o.late), p.givenUp+o.givenUp
	p.bare = append(p.bare, o.bare...)
}

func (p punctuality) String() string {
	p99 := p.late.Quantile(0.99)
	return fmt.Sprintf("ticks late median %.3f ms, 99th percentile %.3f ms (%.3f to %s) of %d, %.0f given up; "+
		"bare thread median %.3f ms, 99th percentile %.3f ms of %d",
		trial.Milliseconds(p.late.Quantile(0.5).Guess), trial.Milliseconds(p99.Guess), trial.Milliseconds(p99.Low), trial.Text(p99.High),
		p.late.Count(), p.givenUp,
		trial.Milliseconds(measure.Median(p.bare)), trial.Milliseconds(measure.Quantile(p.bare, 0.99)), len(p.bare))
}

// budget is what the 99th percentile of ticks may be: a millisecond, or half of one more
// than that of the bare thread.
func (p punctuality) budget() time.Duration {
	return max(time.Millisecond, measure.Quantile(p.bare, 0.99)+time.Millisecond/2)
}

// sleeper sleeps at the priority and with the periods of a mixing thread, four of whose
// slots begin in 20 ms, at a phase of its own, and returns how late it woke.
func sleeper(window time.Duration) (behind []time.Duration) {
	const every = int64(5 * time.Millisecond)
	behind = make([]time.Duration, 0, int(int64(window)/every))
	woken := make(chan struct{})
	go func() {
		defer close(woken)
		runtime.LockOSThread() // never unlocked: the thread ends with its priority
		_ = clock.RealTime()
		due := wire.Monotonic() + rand.Int64N(every)
		for len(behind) < cap(behind) {
			due += every
			wire.SleepUntil(due)
			behind = append(behind, time.Duration(wire.Monotonic()-due))
		}
	}()
	<-woken
	return behind
}
