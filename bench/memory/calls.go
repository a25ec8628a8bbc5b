//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/confd/confd/bench/confd"
	"github.com/confd/confd/bench/trial"
)

// warmUp is how many call, and are gone, before anything is measured: what a first call
// sets up stays, and is not a caller's.
const warmUp = 20

// measureCalls has all call and hang up, round after round.
func (o options) measureCalls(ctx context.Context, out io.Writer) (err error) {
	p, err := confd.Start(ctx, confd.Config{Program: o.confd})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	few := o
	few.Callers, few.Rooms = warmUp, 1
	if err := few.round(ctx, p, func() error { return nil }); err != nil {
		return err
	}
	fmt.Fprint(out, head)
	var empty, full, last figures
	if empty, err = o.after(ctx, p, out, fmt.Sprintf("%d have called and hung up", warmUp), o.Settle); err != nil {
		return err
	}
	for i := range o.rounds {
		if err := forgetPeak(p.PID()); err != nil {
			return err
		}
		err := o.round(ctx, p, func() (err error) {
			if i > 0 {
				return nil
			}
			if _, err = o.after(ctx, p, out, fmt.Sprintf("%d calls have been placed", o.Callers), time.Second); err != nil {
				return err
			}
			full, err = o.after(ctx, p, out, "and stand for a while", o.Settle)
			return err
		})
		if err != nil {
			return fmt.Errorf("round %d: %w", i+1, err)
		}
		wait := time.Second
		if i == o.rounds-1 {
			wait = o.Settle
		}
		if last, err = o.after(ctx, p, out, fmt.Sprintf("all have hung up %d times", i+1), wait); err != nil {
			return err
		}
	}
	fmt.Fprint(out, "\nEach caller:\n", full.each(empty, o.Callers))
	fmt.Fprint(out, "Left of each who has hung up:\n", last.each(empty, o.rounds*o.Callers))
	return nil
}

// after waits, and tells what the server then holds.
func (o options) after(ctx context.Context, p *confd.Process, out io.Writer, what string, wait time.Duration) (figures, error) {
	if err := trial.Wait(ctx, wait); err != nil {
		return figures{}, err
	}
	f, err := look(ctx, p)
	fmt.Fprint(out, f.row(what))
	return f, err
}

// round has all call, and hang up when standing returns. Their phones send and hear all the
// time.
func (o options) round(ctx context.Context, p *confd.Process, standing func() error) error {
	c, err := o.Play(nil)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := p.Join(ctx, c, c.ByRoom(), o.Joins); err != nil {
		return err
	}
	if err := standing(); err != nil {
		return err
	}
	return p.Leave(ctx, o.Joins)
}
