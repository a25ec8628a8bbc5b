package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/confd/confd/api"
	"github.com/confd/confd/cmd/confd/client"
)

// keyCommand makes, lists and revokes access keys, whether the server runs or not.
type keyCommand struct {
	Create keyCreateCommand `cmd:"" help:"Make an access key and print it, once."`
	List   keyListCommand   `cmd:"" help:"List the access keys."`
	Revoke keyRevokeCommand `cmd:"" help:"Forget an access key."`
}

type keyCreateCommand struct {
	keyFlags `embed:""`
	Name     string        `arg:"" help:"For people, as the program that uses it."`
	Scope    string        `default:"control" enum:"read,listen,control,admin" help:"What it may do: read; listen, learn the keys of multicast groups; control, change rooms and act in them; admin, operate the server."`
	Room     []string      `placeholder:"NAME" help:"The only rooms that it is good for. Repeatable. Default: all, and the server."`
	For      time.Duration `placeholder:"DURATION" help:"How long it is good, as 720h. Default: for ever."`
}

type keyListCommand struct {
	keyFlags `embed:""`
}

type keyRevokeCommand struct {
	keyFlags `embed:""`
	ID       string `arg:"" help:"As \"confd key list\" tells it."`
}

// Run makes a key. Its secret alone goes to the standard output.
func (c keyCreateCommand) Run(ctx context.Context, m *Main) error {
	if c.For < 0 {
		return &usageError{fmt.Errorf("--for: %v is wrong; right is a time to come, as 720h", c.For)}
	}
	q := api.KeyCreate{Name: c.Name, Scope: c.Scope, Rooms: c.Room}
	if c.For > 0 {
		q.Expires = new(time.Now().Add(c.For).UTC().Truncate(time.Second))
	}
	return c.at(ctx, m, func(place keyPlace) error {
		k, err := place.create(ctx, q)
		if err != nil {
			return err
		}
		if c.JSON {
			return m.printValue(k)
		}
		fmt.Fprintf(m.Stderr, "confd: key %s (%s, %s) %s is told here and never again:\n", k.ID, client.Clean(k.Name), k.Scope, place.where())
		_, err = fmt.Fprintln(m.Stdout, k.Secret)
		return err
	})
}

// Run lists the keys.
func (c keyListCommand) Run(ctx context.Context, m *Main) error {
	return c.at(ctx, m, func(place keyPlace) error {
		all, err := place.list(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return m.printValue(map[string]any{"keys": all})
		}
		w := table(m.Stdout)
		fmt.Fprintln(w, "ID\tNAME\tSCOPE\tROOMS\tCREATED\tEXPIRES")
		for _, k := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", client.Clean(k.ID), dash(k.Name), client.Clean(k.Scope), allOr(k.Rooms),
				timeOr(k.Created, "-"), timeOr(k.Expires, "never"))
		}
		return w.Flush()
	})
}

// timeOr is a time for a table, or what stands for none.
func timeOr(t *time.Time, none string) string {
	if t == nil {
		return none
	}
	return t.Format(time.RFC3339)
}

// Run forgets a key.
func (c keyRevokeCommand) Run(ctx context.Context, m *Main) error {
	return c.at(ctx, m, func(place keyPlace) error {
		if err := place.revoke(ctx, c.ID); err != nil {
			return err
		}
		return m.say("key %s %s is revoked", client.Clean(c.ID), place.where())(nil)
	})
}

// at acts on the keys where they are.
func (f keyFlags) at(ctx context.Context, m *Main, act func(keyPlace) error) error {
	place, err := f.find(ctx, m)
	if err != nil {
		return err
	}
	return errors.Join(act(place), place.close())
}
