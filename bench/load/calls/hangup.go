package calls

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Hangup ends the call and waits until the server has agreed. It is no error if the call
// had ended, or the server does not know it any more. Error: a *Failure.
func (c *Call) Hangup(ctx context.Context) error {
	done := make(chan error, 1)
	if !c.bye(func(err error) { done <- err }) {
		return nil
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return &Failure{Cause: Cancelled, Err: ctx.Err()}
	}
}

// bye ends the call and has told, if any, called with what came of the BYE. false: it had
// ended.
func (c *Call) bye(told func(error)) bool {
	c.mu.Lock()
	if c.end != nil {
		c.mu.Unlock()
		return false
	}
	tell := c.finish(End{})
	c.mu.Unlock()
	tell()
	c.sendBye(told)
	return true
}

func (c *Call) sendBye(told func(error)) {
	c.do("BYE", nil, "", func(m *message, err error) {
		c.line.remove(c.dialog.callID)
		if told != nil {
			told(byeFailed(m, err))
		}
	})
}

// byeFailed: a server that does not know the call has ended it, too.
func byeFailed(m *message, err error) error {
	switch {
	case err != nil:
		return requestFailed(err)
	case m.success() || m.status == 481 || m.status == 408:
		return nil
	}
	return failed(m, true)
}

// do sends a request within the dialog and calls done with its final response. Challenges
// are answered.
func (c *Call) do(method string, headers []string, body string, done func(*message, error)) {
	c.mu.Lock()
	c.seq++
	proof := c.prover.headers(method, c.dialog.target)
	if method == "INVITE" {
		c.proof = proof
	}
	lines := append(slices.Clip(proof), headers...)
	r := c.dialog.request(c.line, method, c.seq, lines...)
	r.body = body
	to := c.dialog.peer
	c.mu.Unlock()
	_, err := c.line.begin(r, to, func(m *message, err error) {
		switch {
		case err == nil && m.status < 200:
		case err == nil && c.challenged(m):
			c.do(method, headers, body, done)
		default:
			done(m, err)
		}
	})
	if err != nil {
		done(nil, err)
	}
}

// challenged reports whether a response asks for credentials that there are.
func (c *Call) challenged(m *message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.success() {
		c.prover.accepted()
	}
	return c.prover.take(m)
}

// HangUp ends all calls that are up, so many a second (0: as fast as it goes), and waits
// for the server's answers. Error: that of ctx, or how many calls the server did not let go
// properly.
func (a *Agent) HangUp(ctx context.Context, perSecond float64) error {
	pace := newPace(perSecond)
	defer pace.stop()
	var answers sync.WaitGroup
	var mu sync.Mutex
	failures, example := 0, error(nil)
	for _, c := range a.established() {
		if err := pace.wait(ctx); err != nil {
			return fmt.Errorf("calls: hanging up: %w", err)
		}
		answers.Add(1)
		if !c.bye(func(err error) {
			defer answers.Done()
			if err != nil {
				mu.Lock()
				failures, example = failures+1, err
				mu.Unlock()
			}
		}) {
			answers.Done()
		}
	}
	answers.Wait() // no longer than Timeouts.Request
	if failures > 0 {
		return fmt.Errorf("calls: %d calls were not hung up properly, as: %w", failures, example)
	}
	return nil
}

// established returns the calls that are up.
func (a *Agent) established() (up []*Call) {
	for _, l := range a.lines {
		l.mu.Lock()
		all := slices.Collect(maps.Values(l.calls))
		l.mu.Unlock()
		for _, c := range all {
			if c.isUp() {
				up = append(up, c)
			}
		}
	}
	return up
}

func (c *Call) isUp() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.farTag != "" && c.end == nil
}

// pace lets so many pass a second.
type pace struct{ ticker *time.Ticker }

func newPace(perSecond float64) pace {
	if perSecond <= 0 || perSecond > 1e6 {
		return pace{}
	}
	return pace{time.NewTicker(time.Duration(float64(time.Second) / perSecond))}
}

func (p pace) stop() {
	if p.ticker != nil {
		p.ticker.Stop()
	}
}

func (p pace) wait(ctx context.Context) error {
	if p.ticker == nil {
		return ctx.Err()
	}
	select {
	case <-p.ticker.C:
		return nil
	case <-ctx.Done():
		return errors.Join(ctx.Err(), context.Cause(ctx))
	}
}
