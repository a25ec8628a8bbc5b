//go:build linux

package multicast

import (
	"context"
	"errors"
)

// reference is a second server of the same kind, whose room's group has one listener as long
// as the run lasts. What else the machine does falls on both servers alike, so that the
// ratio of their processor times can be compared from case to case.
type reference struct {
	*server
	talkers callers
	ears    members
}

const referenceRoom = "reference"

// startReference uses the lab's last two hosts.
func (run *runner) startReference(ctx context.Context, apart bool) (r *reference, err error) {
	at := len(run.lab.Hosts) - 2
	r = &reference{}
	if r.server, err = startServer(ctx, run.lab, run.lab.Hosts[at], run.Program, apart); err != nil {
		return nil, err
	}
	if err = r.begin(ctx, run, at+1); err != nil {
		return nil, errors.Join(err, r.stop())
	}
	return r, nil
}

func (r *reference) begin(ctx context.Context, run *runner, listener int) (err error) {
	if r.talkers, err = r.open(ctx, referenceRoom, run.spec()); err != nil {
		return err
	}
	g, err := r.describe(ctx, referenceRoom, run.folder)
	if err != nil {
		return err
	}
	r.ears, err = assemble(ctx, run.lab, listener, 1, run.Program, g.file, g.Session)
	return err
}

func (r *reference) stop() error {
	return errors.Join(r.ears.leave(context.Background()), r.end(context.Background(), referenceRoom, r.talkers), r.server.stop())
}
