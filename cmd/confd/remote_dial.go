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

type participantsDial struct {
	remoteFlags      `embed:""`
	participantFlags `embed:""`
	Room             string            `arg:"" help:"The room to call into."`
	To               string            `arg:"" help:"Whom to call: a SIP, SIPS or tel URI."`
	From             *string           `placeholder:"URI" help:"Who calls: a SIP URI or its user part. Default: the room."`
	CallerName       *string           `placeholder:"TEXT" help:"The caller's name, as the phone shows it."`
	Header           map[string]string `mapsep:"none" placeholder:"NAME=VALUE" help:"Added to the INVITE. Repeatable."`
	Timeout          *time.Duration    `placeholder:"TIME" help:"How long it may ring, 1s to 10m. Default 60s."`
	Username         *string           `placeholder:"NAME" help:"For a trunk that asks for credentials."`
	PasswordFile     string            `placeholder:"FILE" help:"File whose first line is the trunk's password."`
	Wait             bool              `help:"Wait until somebody answers, or the call has failed, which is the exit status then."`
}

func (c *participantsDial) body() (patch, error) {
	p, err := c.patch()
	if err != nil {
		return nil, err
	}
	p["to"] = c.To
	put(p, "from", c.From)
	put(p, "caller_name", c.CallerName)
	put(p, "username", c.Username)
	if len(c.Header) > 0 {
		p["headers"] = c.Header
	}
	if c.Timeout != nil {
		p["timeout"] = c.Timeout.Seconds()
	}
	if c.PasswordFile != "" {
		password, err := firstLine(c.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("--password-file: %w", err)
		}
		p["password"] = password
	}
	return p, nil
}

// Run calls somebody.
func (c participantsDial) Run(ctx context.Context, m *Main) error {
	body, err := c.body()
	if err != nil {
		return err
	}
	if c.Wait {
		return c.follow(ctx, m, body)
	}
	return c.do(ctx, m, http.MethodPost, participantsPath(c.Room), nil, body, tell(m, func(p *api.Participant) string {
		return fmt.Sprintf("%s is called; \"confd participants show %s %[1]s\" tells how it goes on", client.Clean(p.ID), client.Clean(p.Room))
	}))
}

// errAnswered ends following a call.
var errAnswered = errors.New("answered")

// follow calls somebody once it follows events, so that it misses none, and tells how the
// call goes on. Error: nobody has answered.
func (c participantsDial) follow(ctx context.Context, m *Main, body patch) error {
	cl, err := c.client(m)
	if err != nil {
		return err
	}
	defer cl.Close()
	var id string
	err = cl.Watch(ctx, roomPath(c.Room)+"/events", url.Values{"kinds": {"participant."}}, func(text json.RawMessage) (err error) {
		if id == "" { // the stream has begun, with a snapshot
			id, err = c.call(ctx, cl, body)
			return err
		}
		var e api.Event
		if err := json.Unmarshal(text, &e); err != nil {
			return fmt.Errorf("an event: %w", err)
		}
		if p := e.Participant; p == nil || p.ID != id {
			return nil
		}
		if c.JSON {
			_, err = fmt.Fprintln(m.Stdout, client.Compact(text))
		} else {
			_, err = fmt.Fprintln(m.Stdout, eventLine(&e))
		}
		return errors.Join(err, outcome(&e))
	})
	if errors.Is(err, errAnswered) {
		return nil
	}
	return err
}

// call asks for the call and returns the participant's id.
func (c participantsDial) call(ctx context.Context, cl *client.Client, body patch) (string, error) {
	text, err := cl.Do(ctx, http.MethodPost, participantsPath(c.Room), nil, body)
	if err != nil {
		return "", err
	}
	var p api.Participant
	if err := json.Unmarshal(text, &p); err != nil || p.ID == "" {
		return "", fmt.Errorf("%s answers with something that is no participant", cl.Server())
	}
	return p.ID, nil
}

// outcome tells whether an event ends a call that is being made.
func outcome(e *api.Event) error {
	switch f := e.Failure; {
	case f != nil:
		return fmt.Errorf("nobody has answered: %s", client.Clean(strings.TrimSpace(outcomeOf(f.Outcome, f.Status)+" "+f.Text)))
	case e.Kind == "participant.joined", e.Kind == "participant.left":
		return errAnswered
	}
	return nil
}
