//go:build linux

package multicast

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/internal/buildinfo"
	"github.com/confd/confd/internal/netlab"
)

// Config says what to measure.
type Config struct {
	Program string        // confd
	Hosts   []int         // each 1 to MostHosts, growing
	For     time.Duration // each
	Settle  time.Duration // between the last's joining the group and that
	Codec   string        // what listeners hear: "pcmu", whose rate never changes, or "opus"
	Crowd   int           // simulated receivers at the end; 0: none
	Told    func(*Report, *Case) error
}

// MostHosts is how many a run may have: beside them are two servers and a listener.
const MostHosts = netlab.Most - 3

// callersSettle is how long after the last has called the window begins, at most.
const callersSettle = 3 * time.Second

// runner is a run under way.
type runner struct {
	Config
	lab       *netlab.Lab
	server    *server
	reference *reference
	folder    string
	rooms     int
}

// Run measures case by case; Told is called before the first with none, and after each.
// Error: a *netlab.Unavailable where there can be no network of its own.
func Run(ctx context.Context, c Config) (r *Report, err error) {
	lab, err := netlab.New(slices.Max(c.Hosts) + 3)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	apart := runtime.NumCPU() > 1
	if apart {
		if err := useOnly(runtime.NumCPU() - 1); err != nil {
			return nil, err
		}
		defer useAll()
	}
	run := &runner{Config: c, lab: lab}
	if run.folder, err = os.MkdirTemp("", "confd-bench-"); err != nil {
		return nil, err
	}
	defer os.RemoveAll(run.folder)
	r = &Report{Schema: 1, Program: buildinfo.String(), Began: time.Now().UTC(), Machine: measure.Machine(), Scheduling: measure.Scheduling(), Apart: apart, Seconds: c.For.Seconds()}
	return r, run.withServers(ctx, apart, func() error { return run.all(ctx, r) })
}

func (run *runner) withServers(ctx context.Context, apart bool, do func() error) (err error) {
	if run.server, err = startServer(ctx, run.lab, run.lab.Hosts[0], run.Program, apart); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.server.stop()) }()
	if run.reference, err = run.startReference(ctx, apart); err != nil {
		return fmt.Errorf("the reference: %w", err)
	}
	defer func() { err = errors.Join(err, run.reference.stop()) }()
	return do()
}

func (run *runner) all(ctx context.Context, r *Report) error {
	before, err := measure.StealSoFar()
	if err != nil {
		return err
	}
	for i, n := range run.Hosts {
		k, err := run.pair(ctx, r, n)
		if err != nil {
			return fmt.Errorf("%d hosts: %w", n, err)
		}
		if i == 0 {
			if err := run.Told(r, nil); err != nil {
				return err
			}
		}
		r.Cases = append(r.Cases, *k)
		if err := run.Told(r, k); err != nil {
			return err
		}
	}
	if run.Crowd > 0 {
		if r.Crowd, err = run.crowd(ctx); err != nil {
			return fmt.Errorf("%d simulated receivers: %w", run.Crowd, err)
		}
	}
	after, err := measure.StealSoFar()
	if err != nil {
		return err
	}
	r.StealPercent = after.PercentSince(before)
	r.judge()
	return nil
}

// pair measures one number of hosts, on both ways.
func (run *runner) pair(ctx context.Context, r *Report, n int) (*Case, error) {
	k := &Case{Hosts: n}
	err := run.room(ctx, "null", func(room string) error {
		all, err := gather(ctx, run.lab.Hosts[1:1+n], run.server, room, voices[run.Codec])
		if err != nil {
			return err
		}
		return run.side(ctx, min(callersSettle, run.Settle), 0, &k.Unicast, all)
	})
	if err != nil {
		return nil, fmt.Errorf("unicast: %w", err)
	}
	err = run.room(ctx, run.spec(), func(room string) error {
		g, err := run.server.describe(ctx, room, run.folder)
		if err != nil {
			return err
		}
		r.Codec = g.Format.String()
		all, err := assemble(ctx, run.lab, 1, n, run.Program, g.file, g.Session)
		if err != nil {
			return err
		}
		return run.side(ctx, run.Settle, g.bandwidth, &k.Group, all)
	})
	if err != nil {
		return nil, fmt.Errorf("group: %w", err)
	}
	return k, nil
}

// spec is the setting of a room with a group.
func (run *runner) spec() string { return fmt.Sprintf(`{"codec":%q}`, run.Codec) }

// room does something while there is a room with talkers.
func (run *runner) room(ctx context.Context, multicast string, do func(room string) error) (err error) {
	run.rooms++
	room := fmt.Sprintf("bench-%d", run.rooms)
	talkers, err := run.server.open(ctx, room, multicast)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.server.end(ctx, room, talkers)) }()
	return do(room)
}

// side measures an audience for one window, and has it leave.
func (run *runner) side(ctx context.Context, settle time.Duration, bandwidth float64, s *Side, all audience) (err error) {
	defer func() { err = errors.Join(err, all.leave(context.WithoutCancel(ctx))) }()
	if err := pause(ctx, settle); err != nil {
		return err
	}
	w, err := run.begin(bandwidth)
	if err != nil {
		return err
	}
	for range parts {
		if err := errors.Join(pause(ctx, run.For/parts), w.slice()); err != nil {
			return err
		}
	}
	s.hear(all.qualities())
	return w.end(s)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
