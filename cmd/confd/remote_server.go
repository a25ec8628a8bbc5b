package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/confd/confd/api"
	"github.com/confd/confd/cmd/confd/client"
)

type drainCommand struct {
	remoteFlags `embed:""`
	Timeout     *time.Duration `placeholder:"TIME" help:"Hang up on calls that still run then, as 10m; 0s is at once. Default: they may go on until they end."`
	Reason      *string        `placeholder:"TEXT" help:"Told to phones that are hung up."`
	Show        bool           `help:"Drain nothing, only tell how far it is."`
}

// Run drains the server. A second one tells how far it is, or changes the timeout.
func (c drainCommand) Run(ctx context.Context, m *Main) error {
	state := tell(m, func(d *api.DrainState) string {
		switch {
		case !d.Draining:
			return fmt.Sprintf("not draining; %d participants", d.Participants)
		case d.Until != nil:
			return fmt.Sprintf("draining; %d participants are left, who are hung up at %s", d.Participants, d.Until.Local().Format(time.DateTime))
		}
		return fmt.Sprintf("draining; %d participants are left", d.Participants)
	})
	if c.Show {
		return c.do(ctx, m, http.MethodGet, "/v1/drain", nil, nil, state)
	}
	p := patch{}
	put(p, "reason", c.Reason)
	if c.Timeout != nil {
		p["timeout"] = c.Timeout.Seconds()
	}
	return c.do(ctx, m, http.MethodPost, "/v1/drain", nil, p, state)
}

type logCommand struct {
	remoteFlags `embed:""`
	Level       string `arg:"" optional:"" help:"debug, info, warn or error, until the server ends. Default: tell what it is."`
}

// Run tells or changes the level of the log.
func (c logCommand) Run(ctx context.Context, m *Main) error {
	level := tell(m, func(l *api.LogSettings) string { return client.Clean(l.Level) })
	if c.Level == "" {
		return c.do(ctx, m, http.MethodGet, "/v1/log", nil, nil, level)
	}
	return c.do(ctx, m, http.MethodPatch, "/v1/log", nil, patch{"level": c.Level}, level)
}
