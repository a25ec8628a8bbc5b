package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/confd/confd/api"
	"github.com/confd/confd/cmd/confd/client"
)

type eventsCommand struct {
	serverFlags `embed:""`
	JSON        bool     `name:"json" help:"Print the server's JSON, one event a line."`
	Room        string   `arg:"" optional:"" help:"Only of this room; without it, of all."`
	Kinds       []string `placeholder:"KIND" help:"Only these, as digit, or participant. for all that begin so; with commas between."`
	After       uint64   `placeholder:"SEQ" help:"Go on after this event. Default: begin with what there is."`
}

// againAfter is how long a stream that broke off is left alone.
const againAfter = time.Second

// Run prints events until ctx ends. A stream that breaks off is taken up again where it was.
func (c eventsCommand) Run(ctx context.Context, m *Main) error {
	cl, err := c.client(m)
	if err != nil {
		return err
	}
	defer cl.Close()
	for {
		err := cl.Watch(ctx, c.path(), c.query(), func(text json.RawMessage) error { return c.print(m.Stdout, text) })
		if ctx.Err() != nil {
			return nil
		}
		if !errors.Is(err, client.ErrBroken) {
			return err
		}
		fmt.Fprintf(m.Stderr, "confd: %s; trying again\n", client.Clean(err.Error()))
		select {
		case <-time.After(againAfter):
		case <-ctx.Done():
			return nil
		}
	}
}

func (c *eventsCommand) path() string {
	if c.Room == "" {
		return "/v1/events"
	}
	return roomPath(c.Room) + "/events"
}

func (c *eventsCommand) query() url.Values {
	q := url.Values{}
	if len(c.Kinds) > 0 {
		q.Set("kinds", strings.Join(c.Kinds, ","))
	}
	if c.After > 0 {
		q.Set("after", strconv.FormatUint(c.After, 10))
	}
	return q
}

// print prints an event and notes where the stream is.
func (c *eventsCommand) print(w io.Writer, text json.RawMessage) error {
	var e api.Event
	if err := json.Unmarshal(text, &e); err != nil {
		return fmt.Errorf("an event: %w", err)
	}
	c.After = e.Seq
	line := eventLine(&e)
	if c.JSON {
		line = client.Compact(text)
	}
	_, err := fmt.Fprintln(w, line)
	return err
}

// eventLine words an event.
func eventLine(e *api.Event) string {
	line := fmt.Sprintf("%s  %-20s  %-12s  %s", e.Time.Local().Format("15:04:05.000"), client.Clip(e.Kind, 40), dash(e.Room), client.Clean(eventDetail(e)))
	return strings.TrimRight(line, " ")
}

func eventDetail(e *api.Event) string {
	var words []string
	add := func(all ...string) {
		for _, w := range all {
			if w != "" {
				words = append(words, w)
			}
		}
	}
	if e.Kind == "snapshot" {
		people := 0
		for i := range e.Rooms {
			people += e.Rooms[i].ParticipantCount
		}
		add(fmt.Sprintf("%d rooms, %d participants; seq %d", len(e.Rooms), people, e.Seq))
	}
	if p := e.Participant; p != nil {
		add(p.ID, p.DisplayName, p.URI)
	}
	if a := e.Announcement; a != nil {
		add(a.ID, a.File)
	}
	if e.Digit != "" {
		add("key", e.Digit)
	}
	if e.From != "" {
		add("from", e.From)
	}
	if e.To != "" {
		add("to", e.To)
	}
	if f := e.Failure; f != nil {
		add(outcomeOf(f.Outcome, f.Status), f.Text)
	} else if r := e.Reason; r != nil {
		add(r.Code, r.Text)
	}
	return strings.Join(words, " ")
}
