//go:build linux

package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/confd/confd/bench/callers"
	"github.com/confd/confd/bench/confd"
	"github.com/confd/confd/bench/dial"
	"github.com/confd/confd/media"
)

// program is confd.
type program struct {
	options *options
	load    *callers.Load
	process *confd.Process
}

func startConfd(ctx context.Context, o *options, load *callers.Load) (server, error) {
	c := confd.Config{Program: o.confd}
	if o.codec == media.Opus {
		c.Env = []string{
			"CONFD_AUDIO_OPUS_COMPLEXITY=" + strconv.Itoa(o.opus.Complexity),
			"CONFD_AUDIO_OPUS_BITRATE=" + strconv.Itoa(o.opus.Bitrate),
		}
	}
	p, err := confd.Start(ctx, c)
	if err != nil {
		return nil, err
	}
	return &program{o, load, p}, nil
}

func (p *program) join(ctx context.Context) error {
	offer := dial.Offer{Codec: "PCMU/8000"}
	if p.options.levels {
		offer.LevelID = callers.LevelID
	}
	if o := p.options; o.codec == media.Opus {
		offer.PayloadType, offer.Codec = 111, "opus/48000/2"
		offer.Parameters = fmt.Sprintf("maxaveragebitrate=%d", o.opus.Bitrate)
		if o.opus.FEC {
			offer.Parameters += ";useinbandfec=1"
		}
	}
	return p.process.Join(ctx, p.load, p.options.joins, offer)
}

func (p *program) cpu() (time.Duration, error) { return p.process.CPU() }

func (p *program) codings(ctx context.Context) (codings, error) {
	m, err := p.process.Metrics(ctx)
	return codings{m["confd_packets_decoded_total"], m["confd_packets_encoded_total"], m["confd_ticks_total"]}, err
}

func (p *program) stop() error { return p.process.Stop() }
