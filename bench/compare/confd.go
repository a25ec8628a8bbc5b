//go:build linux

package main

import (
	"context"
	"strconv"
	"time"

	"github.com/confd/confd/bench/confd"
	"github.com/confd/confd/bench/trial"
	"github.com/confd/confd/media"
)

// program is confd.
type program struct {
	options *options
	callers *trial.Callers
	process *confd.Process
}

func startConfd(ctx context.Context, o *options, c *trial.Callers) (server, error) {
	config := confd.Config{Program: o.confd}
	if o.codec == media.Opus {
		config.Env = []string{
			"CONFD_AUDIO_OPUS_COMPLEXITY=" + strconv.Itoa(o.opus.Complexity),
			"CONFD_AUDIO_OPUS_BITRATE=" + strconv.Itoa(o.opus.Bitrate),
		}
	}
	p, err := confd.Start(ctx, config)
	if err != nil {
		return nil, err
	}
	return &program{o, c, p}, nil
}

func (p *program) join(ctx context.Context) error {
	return p.process.Join(ctx, p.callers, p.callers.ByRoom(), p.options.Joins)
}

func (p *program) cpu() (time.Duration, error) { return p.process.CPU() }

func (p *program) codings(ctx context.Context) (codings, error) {
	m, err := p.process.Metrics(ctx)
	return codings{m["confd_packets_decoded_total"], m["confd_packets_encoded_total"], m["confd_ticks_total"]}, err
}

func (p *program) stop() error { return p.process.Stop() }
