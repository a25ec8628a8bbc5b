package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/confd/confd/api"
	"github.com/confd/confd/cmd/confd/client"
)

type webhooksCommand struct {
	List   webhooksList   `cmd:"" default:"withargs" help:"List subscriptions, and how deliveries go (the default)."`
	Show   webhooksShow   `cmd:"" help:"Print all of a subscription, but for its secret."`
	Create webhooksCreate `cmd:"" help:"Have events sent to a URL, and print the secret that signs them, once."`
	Test   webhooksTest   `cmd:"" help:"Send a ping now, and tell what came of it."`
	Delete webhooksDelete `cmd:"" help:"Delete a subscription, with all that waits for it."`
}

type webhooksList struct {
	remoteFlags `embed:""`
}

// Run prints the subscriptions.
func (c webhooksList) Run(ctx context.Context, m *Main) error {
	return c.list(ctx, m, listing{path: "/v1/webhooks", field: "webhooks", whole: true,
		head: "ID\tSTATE\tWAITING\tDEAD\tDELIVERED\tKINDS\tROOMS\tURL\tLAST ERROR", row: rowOf(webhookRow)})
}

func webhookRow(w *api.Webhook) []string {
	s := w.Status
	if s == nil {
		s = &api.WebhookStatus{}
	}
	state := "works"
	switch {
	case w.Disabled:
		state = "disabled"
	case s.Failing:
		state = "fails"
	}
	return []string{client.Clip(w.ID, 64), state, fmt.Sprint(s.Pending), fmt.Sprint(s.DeadLetters), fmt.Sprint(s.Delivered),
		allOr(w.Kinds), allOr(w.Rooms), client.Clip(w.URL, 60), dash(s.LastError)}
}

// ofHook names a subscription.
type ofHook struct {
	ID string `arg:"" help:"As the list has it."`
}

func (o ofHook) path() string { return client.Path("v1", "webhooks", o.ID) }

type webhooksShow struct {
	remoteFlags `embed:""`
	ofHook      `embed:""`
}

// Run prints a subscription.
func (c webhooksShow) Run(ctx context.Context, m *Main) error {
	return c.do(ctx, m, http.MethodGet, c.path(), nil, nil, m.fields)
}

type webhooksCreate struct {
	remoteFlags `embed:""`
	URL         string   `arg:"" name:"url" help:"Where events are posted."`
	Kinds       []string `placeholder:"KIND" help:"Only these, as digit, or participant. for all that begin so; with commas between."`
	Room        []string `placeholder:"ROOM" help:"Only of this room. Repeatable."`
	Description *string  `placeholder:"TEXT" help:"For people."`
}

// Run makes a subscription. Its secret alone goes to the standard output.
func (c webhooksCreate) Run(ctx context.Context, m *Main) error {
	p := patch{"url": c.URL}
	p.list("kinds", c.Kinds)
	p.list("rooms", c.Room)
	put(p, "description", c.Description)
	return c.do(ctx, m, http.MethodPost, "/v1/webhooks", nil, p, tell(m, func(w *api.Webhook) string {
		fmt.Fprintf(m.Stderr, "confd: the secret of %s is told here and never again:\n", client.Clean(w.ID))
		return client.Clean(w.Secret)
	}))
}

type webhooksTest struct {
	remoteFlags `embed:""`
	ofHook      `embed:""`
}

// Run sends a ping. It fails if that did.
func (c webhooksTest) Run(ctx context.Context, m *Main) error {
	var failed error
	err := c.do(ctx, m, http.MethodPost, c.path()+"/test", nil, nil, tell(m, func(t *api.WebhookTest) string {
		if !t.Delivered {
			failed = fmt.Errorf("the ping was not taken: %s", client.Clean(t.Error))
		}
		return fmt.Sprintf("answer %d after %v", t.Status, seconds(t.Duration))
	}))
	if err == nil {
		err = failed
	}
	return err
}

type webhooksDelete struct {
	remoteFlags `embed:""`
	ofHook      `embed:""`
}

// Run deletes a subscription.
func (c webhooksDelete) Run(ctx context.Context, m *Main) error {
	return c.do(ctx, m, http.MethodDelete, c.path(), nil, nil, m.say("%s is deleted", client.Clean(c.ID)))
}
