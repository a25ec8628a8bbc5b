package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/confd/confd/api"
	"github.com/confd/confd/cmd/confd/client"
)

type callsCommand struct {
	List callsList `cmd:"" default:"withargs" help:"List calls that are over, the newest first (the default)."`
	Show callsShow `cmd:"" help:"Print all of a call that is over."`
}

type conferencesCommand struct {
	List conferencesList `cmd:"" default:"withargs" help:"List conferences that are over, the newest first (the default)."`
	Show conferencesShow `cmd:"" help:"Print all of a conference that is over."`
}

// recordFlags say which records.
type recordFlags struct {
	remoteFlags `embed:""`
	Room        string    `placeholder:"ROOM" help:"Only of this room."`
	From        time.Time `placeholder:"TIME" help:"Only what began then or later, as 2026-03-01T00:00:00Z."`
	To          time.Time `placeholder:"TIME" help:"Only what began before."`
	Limit       int       `default:"50" help:"How many, the newest; 0 is all."`
}

// print lists records; more is what a query has beside the flags.
func (f recordFlags) print(ctx context.Context, m *Main, l listing, more map[string]string) error {
	if f.Limit < 0 {
		return &usageError{fmt.Errorf("--limit: %d is less than nothing; right is 1 or more, or 0 for all", f.Limit)}
	}
	l.limit, l.query = f.Limit, url.Values{}
	for name, t := range map[string]time.Time{"from": f.From, "to": f.To} {
		if !t.IsZero() {
			l.query.Set(name, t.UTC().Format(time.RFC3339Nano))
		}
	}
	for name, value := range more {
		if value != "" {
			l.query.Set(name, value)
		}
	}
	err := f.list(ctx, m, l)
	var refused *client.Error
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		return errors.New("this server keeps no records of calls (404)")
	}
	return err
}

type callsList struct {
	recordFlags `embed:""`
	Conference  string `placeholder:"ID" help:"Only of this conference."`
	Direction   string `placeholder:"WAY" help:"Only inbound or outbound ones."`
	Outcome     string `placeholder:"HOW" help:"Only what came out so: answered, busy, declined, unanswered, failed or cancelled."`
	URI         string `name:"uri" placeholder:"URI" help:"Only from or to this SIP address."`
}

// Run prints calls that are over.
func (c callsList) Run(ctx context.Context, m *Main) error {
	return c.print(ctx, m, listing{path: "/v1/calls", field: "calls", row: rowOf(callRow),
		head: "STARTED\tROOM\tDIRECTION\tOUTCOME\tLASTED\tENDED BY\tLOSS\tMOS\tNAME\tURI\tID"}, map[string]string{
		"room": c.Room, "conference": c.Conference, "direction": c.Direction, "outcome": c.Outcome, "uri": c.URI,
	})
}

func callRow(r *api.CallRecord) []string {
	f := figures(&r.Stats)
	return []string{r.Started.Local().Format(time.DateTime), client.Clip(r.Room, 64), client.Clip(r.Direction, 16), outcomeOf(r.Outcome, r.Status),
		seconds(r.Duration).Round(time.Second).String(), client.Clip(r.Reason.Code, 20), f[2], f[5], dash(r.DisplayName), client.Clip(r.URI, 60), client.Clip(r.ID, 32)}
}

// outcomeOf words how a call came out.
func outcomeOf(outcome string, status int) string {
	outcome = client.Clip(outcome, 16)
	if status > 0 {
		outcome += fmt.Sprintf(" (%d)", status)
	}
	return outcome
}

type callsShow struct {
	remoteFlags `embed:""`
	ID          string `arg:"" help:"As the list has it."`
}

// Run prints a call.
func (c callsShow) Run(ctx context.Context, m *Main) error {
	return c.do(ctx, m, http.MethodGet, client.Path("v1", "calls", c.ID), nil, nil, m.fields)
}

type conferencesList struct {
	recordFlags `embed:""`
}

// Run prints conferences that are over.
func (c conferencesList) Run(ctx context.Context, m *Main) error {
	return c.print(ctx, m, listing{path: "/v1/conferences", field: "conferences", row: rowOf(conferenceRow),
		head: "OPENED\tROOM\tLASTED\tENDED BY\tJOINED\tPEAK\tTALK TIME\tID"}, map[string]string{"room": c.Room})
}

func conferenceRow(r *api.ConferenceRecord) []string {
	return []string{r.Opened.Local().Format(time.DateTime), client.Clip(r.Room, 64), seconds(r.Duration).Round(time.Second).String(),
		client.Clip(r.Reason.Code, 20), fmt.Sprint(r.Joined), fmt.Sprint(r.Peak), seconds(r.TalkTime).Round(time.Second).String(), client.Clip(r.ID, 32)}
}

type conferencesShow struct {
	remoteFlags `embed:""`
	ID          string `arg:"" help:"As the list has it."`
}

// Run prints a conference.
func (c conferencesShow) Run(ctx context.Context, m *Main) error {
	return c.do(ctx, m, http.MethodGet, client.Path("v1", "conferences", c.ID), nil, nil, m.fields)
}
