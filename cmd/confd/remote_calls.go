package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/confd/confd/api"
	"github.com/confd/confd/cmd/confd/client"
)

type callsCommand struct {
	remoteFlags `embed:""`
	Room        string    `placeholder:"ROOM" help:"Only of this room."`
	From        time.Time `placeholder:"TIME" help:"Only what began then or later, as 2026-03-01T00:00:00Z."`
	To          time.Time `placeholder:"TIME" help:"Only what began before."`
	Limit       int       `default:"50" help:"How many, the newest; 0 is all."`
}

func (c callsCommand) query() url.Values {
	q := url.Values{}
	if c.Room != "" {
		q.Set("room", c.Room)
	}
	for name, t := range map[string]time.Time{"from": c.From, "to": c.To} {
		if !t.IsZero() {
			q.Set(name, t.UTC().Format(time.RFC3339Nano))
		}
	}
	return q
}

// Run prints calls that are over.
func (c callsCommand) Run(ctx context.Context, m *Main) error {
	if c.Limit < 0 {
		return &usageError{fmt.Errorf("--limit: %d is less than nothing; right is 1 or more, or 0 for all", c.Limit)}
	}
	err := c.list(ctx, m, "/v1/calls", "calls", c.query(), c.Limit,
		"STARTED\tROOM\tDIRECTION\tOUTCOME\tLASTED\tENDED BY\tLOSS\tMOS\tNAME\tURI", callRow)
	var refused *client.Error
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		return errors.New("this server keeps no records of calls (404)")
	}
	return err
}

func callRow(text json.RawMessage) (string, error) {
	var r api.CallRecord
	if err := json.Unmarshal(text, &r); err != nil {
		return "", err
	}
	outcome := client.Clip(r.Outcome, 16)
	if r.Status > 0 {
		outcome += fmt.Sprintf(" (%d)", r.Status)
	}
	f := figures(&r.Stats)
	return strings.Join([]string{r.Started.Local().Format(time.DateTime), client.Clip(r.Room, 64), client.Clip(r.Direction, 16), outcome,
		seconds(r.Duration).Round(time.Second).String(), client.Clip(r.Reason.Code, 20), f[2], f[5], dash(r.DisplayName), client.Clip(r.URI, 60)}, "\t"), nil
}
