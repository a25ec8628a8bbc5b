//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/confd/confd/bench/callers"
	"github.com/confd/confd/bench/coding"
	"github.com/confd/confd/media"
)

// server is what callers can join.
type server interface {
	// join connects every caller.
	join(ctx context.Context) error
	// cpu returns the processor time that it has used.
	cpu() (time.Duration, error)
	// codings returns what it has coded so far; a server that does not tell has done nothing.
	codings(ctx context.Context) (codings, error)
	// stop ends it; it may be called at any time, once.
	stop() error
}

// contender is one of those compared.
type contender struct {
	name    string
	start   func(ctx context.Context, o *options, load *callers.Load) (server, error)
	results []result
}

// result is one round of one contender.
type result struct {
	callers.Report
	cpu   float64     // share of a core per caller
	heard media.Level // by the last caller
	coded codings
}

// codings are payloads decoded and encoded, and the ticks of rooms in which they were.
type codings struct{ decodes, encodes, ticks float64 }

func (c codings) since(b codings) codings {
	return codings{c.decodes - b.decodes, c.encodes - b.encodes, c.ticks - b.ticks}
}

// text is what a tick of a room has, on average; nothing where nothing was told.
func (c codings) text() string {
	if c.ticks == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f decodes and %.2f encodes a tick", c.decodes/c.ticks, c.encodes/c.ticks)
}

// measure runs one round: start, join, settle, measure, stop.
func (o *options) measure(ctx context.Context, start func(context.Context, *options, *callers.Load) (server, error), seed uint64) (r result, err error) {
	load, err := callers.New(o.load(seed))
	if err != nil {
		return r, err
	}
	defer load.Close()
	s, err := start(ctx, o, load)
	if err != nil {
		return r, err
	}
	playing, quiet := context.WithCancel(ctx)
	silent := make(chan struct{})
	go func() {
		defer close(silent)
		load.Run(playing)
	}()
	defer func() {
		err = errors.Join(err, s.stop())
		quiet()
		<-silent
	}()
	if err := s.join(ctx); err != nil {
		return r, err
	}
	if err := wait(ctx, o.settle); err != nil {
		return r, err
	}
	return o.observe(ctx, s, load)
}

// observe reads one window of processor time and of what the callers met.
func (o *options) observe(ctx context.Context, s server, load *callers.Load) (r result, err error) {
	coded, err := s.codings(ctx)
	if err != nil {
		return r, err
	}
	load.Begin()
	before, err := s.cpu()
	if err != nil {
		return r, err
	}
	if err := wait(ctx, o.window); err != nil {
		return r, err
	}
	r.Report = load.Report()
	after, err := s.cpu()
	if err != nil {
		return r, err
	}
	if r.coded, err = s.codings(ctx); err != nil {
		return r, err
	}
	r.coded = r.coded.since(coded)
	r.cpu = (after - before).Seconds() / r.Window.Seconds() / float64(o.callers)
	r.heard, err = o.level(load.Kept(o.callers - 1))
	return r, err
}

// level returns how loud payloads are, which shows that what was measured did mix.
func (o *options) level(payloads [][]byte) (media.Level, error) {
	decode := func(pcm []int16, payload []byte) (int, error) {
		coding.DecodeUlaw(pcm[:len(payload)], payload)
		return len(payload), nil
	}
	if o.codec == media.Opus {
		d, err := coding.NewOpusDecoder()
		if err != nil {
			return media.Silence, err
		}
		decode = func(pcm []int16, payload []byte) (int, error) { return d.Decode(payload, pcm) }
	}
	var sum, samples float64
	pcm := make([]int16, 5760)
	for _, p := range payloads {
		n, err := decode(pcm, p)
		if err != nil {
			return media.Silence, fmt.Errorf("decode what the last caller heard: %w", err)
		}
		for _, x := range pcm[:n] {
			sum += float64(x) * float64(x)
		}
		samples += float64(n)
	}
	return media.LevelOf(sum / max(samples, 1) / (1 << 30)), nil
}

// wait returns after d, or when ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
