//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"time"

	"github.com/confd/confd/bench/callers"
	"github.com/confd/confd/bench/confd"
	"github.com/confd/confd/bench/dial"
	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/bench/wire"
	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/media"
)

// spareProcessors are more than threads are ever at work.
const spareProcessors = 64

// late finds out how late ticks begin on a busy machine, beside a thread that does nothing
// but sleep until it is due.
type late struct {
	confd                   string
	rooms, perRoom, talkers int
	busy                    float64 // share of all processors that is used
	rounds, joins           int
	settle, window          time.Duration
}

func parseLate(args []string) (late, error) {
	var l late
	var percent int
	f := flag.NewFlagSet("compare late", flag.ContinueOnError)
	f.StringVar(&l.confd, "confd", "", "the confd `program`")
	f.IntVar(&percent, "busy", 80, "percent of all processors' time that is used; callers join until they and confd use three quarters of that, and idle work the rest")
	f.IntVar(&l.rooms, "rooms", 80, "rooms, at most")
	f.IntVar(&l.perRoom, "callers", 50, "callers in each")
	f.IntVar(&l.talkers, "talkers", 3, "how many of them talk")
	f.IntVar(&l.rounds, "rounds", 3, "measurements, one behind the other")
	f.IntVar(&l.joins, "joins", 200, "calls placed per second")
	f.DurationVar(&l.settle, "settle", 4*time.Second, "time between the last join and the first measurement")
	f.DurationVar(&l.window, "for", 10*time.Second, "length of a measurement")
	if err := f.Parse(args); err != nil {
		return l, err
	}
	l.busy = float64(percent) / 100
	switch {
	case f.NArg() > 0:
		return l, fmt.Errorf("unexpected %q: flags only", f.Arg(0))
	case l.confd == "":
		return l, errors.New("-confd is missing: want the confd program")
	case percent < 1 || percent > 100:
		return l, fmt.Errorf("-busy %d: want 1 to 100", percent)
	case l.rooms < 1 || l.perRoom < 1 || l.rounds < 1 || l.joins < 1:
		return l, errors.New("-rooms, -callers, -rounds and -joins must be at least 1")
	case l.window < time.Second:
		return l, fmt.Errorf("-for %v: want at least 1s", l.window)
	}
	return l, nil
}

// run has callers join until the processors are busy, then measures.
func (l *late) run(ctx context.Context, out io.Writer) (err error) {
	// The threads that sleep, play and burn must not wait for a processor of the runtime.
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), spareProcessors))
	load, err := callers.New(callers.Config{Callers: l.rooms * l.perRoom, Rooms: l.rooms, Talkers: l.talkers, Codec: media.PCMU})
	if err != nil {
		return err
	}
	defer load.Close()
	p, err := confd.Start(ctx, confd.Config{Program: l.confd})
	if err != nil {
		return err
	}
	playing, quiet := context.WithCancel(ctx)
	silent := make(chan struct{})
	go func() {
		defer close(silent)
		runtime.LockOSThread()
		_ = clock.RealTime() // without it the callers are late, which the server does not mind
		load.Run(playing)
	}()
	defer func() {
		err = errors.Join(err, p.Stop())
		quiet()
		<-silent
	}()
	joined, err := l.fill(ctx, p, load)
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
	if err := wait(ctx, l.settle); err != nil {
		return err
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
		all, milliseconds(all.budget()))
	return err
}

// filled is the part of what should be used that confd and the callers use by themselves.
const filled = 0.75

// fill lets callers join, room by room, until the processors are nearly as busy as they should be.
func (l *late) fill(ctx context.Context, p *confd.Process, load *callers.Load) (joined int, err error) {
	offer := dial.Offer{Codec: "PCMU/8000"}
	for joined < l.rooms*l.perRoom {
		if err := p.JoinSome(ctx, load, joined, joined+l.perRoom, l.joins, offer); err != nil {
			return joined, err
		}
		joined += l.perRoom
		before, err := spent(p)
		if err != nil {
			return joined, err
		}
		if err := wait(ctx, 200*time.Millisecond); err != nil {
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

const lateness = "confd_tick_lateness_seconds"

// punctuality is how late ticks and a bare thread were in a time.
type punctuality struct {
	series map[string]float64 // by how much confd's figures have grown
	bare   []time.Duration
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
	seen.bare = sleeper(l.window)
	if seen.series, err = p.Metrics(ctx); err != nil {
		return seen, err
	}
	now, err := measure.StealSoFar()
	if err != nil {
		return seen, err
	}
	used, err := start.share(p)
	for series := range seen.series {
		seen.series[series] -= before[series]
	}
	fmt.Fprintf(out, "%s use %.0f %% of the machine, all together %.0f %%, %.1f %% stolen: %s\n",
		head, 100*used, 100*now.BusySince(machine), now.PercentSince(machine), seen)
	return seen, err
}

// add has o as part of the same time.
func (p *punctuality) add(o punctuality) {
	if p.series == nil {
		p.series = make(map[string]float64)
	}
	for series, n := range o.series {
		p.series[series] += n
	}
	p.bare = append(p.bare, o.bare...)
}

func (p punctuality) String() string {
	_, middle, _ := measure.HistogramQuantile(p.series, lateness, 0.5)
	low, guess, high := measure.HistogramQuantile(p.series, lateness, 0.99)
	return fmt.Sprintf("ticks late median %.3f ms, 99th percentile %.3f ms (%.3f to %.3f) of %.0f, %.0f given up; "+
		"bare thread median %.3f ms, 99th percentile %.3f ms of %d",
		milliseconds(middle), milliseconds(guess), milliseconds(low), milliseconds(high),
		p.series[lateness+"_count"], p.series["confd_ticks_given_up_total"],
		milliseconds(measure.Median(p.bare)), milliseconds(measure.Quantile(p.bare, 0.99)), len(p.bare))
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
