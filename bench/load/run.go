//go:build linux

package load

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/confd/confd/bench/load/calls"
	"github.com/confd/confd/bench/load/cameras"
	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/load/machine"
	"github.com/confd/confd/bench/load/report"
	"github.com/confd/confd/bench/measure"
)

// run is one run of a load.
type run struct {
	o      Options
	began  time.Time
	stolen measure.Steal // before
	fleet  *fleet.Fleet
	crew   *cameras.Crew // nil without video
	agent  *calls.Agent
	ledger *ledger
	seats  []seat         // by caller
	idle   machine.Sample // of the server, before the first call
	watch  *watcher
	placed sync.WaitGroup // calls that are being set up
}

// Run does what o says and reports what came of it. The error says what makes no sense or
// cannot be had here; that calls fail or sound bad is in the report. When ctx ends early the
// report is of what there was until then.
func Run(ctx context.Context, o Options, tell Watch) (*report.Report, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	r := &run{o: o, began: time.Now(), ledger: newLedger(), seats: make([]seat, o.Callers)}
	if err := r.prepare(ctx, tell); err != nil {
		return nil, err
	}
	playing, quiet := context.WithCancel(context.WithoutCancel(ctx))
	var threads sync.WaitGroup
	threads.Go(func() { r.fleet.Run(playing) })
	if r.crew != nil {
		threads.Go(func() { r.crew.Run(playing) })
	}
	threads.Go(func() { r.watch.loop(playing) })
	result := r.play(ctx)
	r.leave()
	quiet()
	threads.Wait()
	result.TookSeconds = time.Since(r.began).Seconds()
	result.Timeline, result.Notes = r.watch.timeline, r.watch.notes
	return result, r.close()
}

// prepare readies all that is needed before the first call.
func (r *run) prepare(ctx context.Context, tell Watch) (err error) {
	server, err := calls.Resolve(ctx, r.o.target(0))
	if err != nil {
		return err
	}
	if r.o.Server != nil {
		if r.idle, err = r.o.Server.Sample(ctx); err != nil {
			return err
		}
	}
	r.stolen, _ = measure.StealSoFar() // where it cannot be read, none is told
	r.watch = &watcher{run: r, tell: tell}
	r.watch.stage("preparing what is said")
	if r.fleet, err = fleet.New(r.o.fleet(server.Addr())); err != nil {
		return err
	}
	if r.o.Video.Codec != "" {
		if r.crew, err = cameras.New(r.o.cameras(r.fleet)); err != nil {
			r.fleet.Close()
			return err
		}
	}
	if r.agent, err = calls.Open(r.o.calls(server)); err != nil {
		r.closeMedia()
	}
	return err
}

func (r *run) closeMedia() {
	r.fleet.Close()
	if r.crew != nil {
		r.crew.Close()
	}
}

func (r *run) close() error {
	r.closeMedia()
	return r.agent.Close()
}

// play is the part of a run in which there are calls.
func (r *run) play(ctx context.Context) *report.Report {
	if r.o.Ramp > 0 {
		return r.ramp(ctx)
	}
	result := r.step(ctx, 0, r.o.Callers)
	result.Verdict = r.o.Bounds.Judge(result)
	return result
}

// step has callers from to to join those who are there, and measures all of them.
func (r *run) step(ctx context.Context, from, to int) *report.Report {
	r.watch.stage(fmt.Sprintf("calling, up to %d", to))
	r.join(ctx, from, to)
	r.watch.stage("settling")
	wait(ctx, r.o.Settle)
	r.watch.stage("measuring")
	return r.gather(r.measure(ctx))
}

// measured is what was seen in a window.
type measured struct {
	*fleet.Report
	video  *cameras.Report // nil without video
	server *report.Server
	cpu    time.Duration // of this process
}

// measure watches a window in which nobody joins or leaves.
func (r *run) measure(ctx context.Context) measured {
	var m measured
	r.fleet.Begin()
	if r.crew != nil {
		r.crew.Begin()
	}
	from, failed := r.sample(ctx)
	cpu, _ := measure.CPU(os.Getpid())
	wait(ctx, r.o.Window)
	m.Report = r.fleet.Report()
	if r.crew != nil {
		m.video = r.crew.Report()
	}
	if now, err := measure.CPU(os.Getpid()); err == nil {
		m.cpu = now - cpu
	}
	to, failedTo := r.sample(context.WithoutCancel(ctx))
	switch err := errors.Join(failed, failedTo); {
	case err != nil:
		r.watch.note(err.Error())
	case r.o.Server != nil:
		m.server = machine.Spent(r.o.Server, r.idle, from, to, r.fleet.Live().Connected)
	}
	return m
}

// sample looks at the server, if it can be looked at.
func (r *run) sample(ctx context.Context) (machine.Sample, error) {
	if r.o.Server == nil {
		return machine.Sample{}, nil
	}
	return r.watch.sample(ctx)
}

// wait returns after d, or when ctx ends.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
