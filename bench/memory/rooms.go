//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/confd/confd/bench/confd"
	"github.com/confd/confd/bench/trial"
)

// measureRooms makes rooms over the API that nobody enters.
func (o options) measureRooms(ctx context.Context, out io.Writer) (err error) {
	p, err := confd.Start(ctx, confd.Config{
		Program: o.confd, Env: []string{fmt.Sprintf("CONFD_ROOMS_MAX_ROOMS=%d", o.idle)},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	fmt.Fprint(out, head)
	var before, after figures
	if before, err = o.after(ctx, p, out, "no rooms", o.Settle); err != nil {
		return err
	}
	if err := forgetPeak(p.PID()); err != nil {
		return err
	}
	if err := o.makeRooms(ctx, p); err != nil {
		return err
	}
	if after, err = o.after(ctx, p, out, fmt.Sprintf("%d rooms that nobody is in", o.idle), o.Settle); err != nil {
		return err
	}
	began, err := p.CPU()
	if err != nil {
		return err
	}
	if err := trial.Wait(ctx, o.Window); err != nil {
		return err
	}
	ended, err := p.CPU()
	fmt.Fprint(out, "\nEach room that nobody is in:\n", after.each(before, o.idle))
	fmt.Fprintf(out, "All of them: %v of a processor in %v\n", ended-began, o.Window)
	return err
}

func (o options) makeRooms(ctx context.Context, p *confd.Process) error {
	for i := range o.idle {
		q, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.HTTP+"/v1/rooms",
			strings.NewReader(fmt.Sprintf(`{"id":%q}`, confd.Room(i))))
		if err != nil {
			return err
		}
		q.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(q)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, answer.Body) // or the connection could not be used again
		answer.Body.Close()
		if answer.StatusCode != http.StatusCreated {
			return fmt.Errorf("make room %d: %s", i, answer.Status)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	return nil
}
