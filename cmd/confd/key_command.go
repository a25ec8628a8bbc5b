package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/confd/confd/api"
	"github.com/confd/confd/rooms"
	"github.com/confd/confd/store"
)

// keyCommand keeps access keys in the store of a server that does not run.
type keyCommand struct {
	Create keyCreateCommand `cmd:"" help:"Make an access key and print it, once. The server must not run: it has the store to itself."`
	List   keyListCommand   `cmd:"" help:"List the access keys in the store."`
	Revoke keyRevokeCommand `cmd:"" help:"Forget an access key."`
}

type keyCreateCommand struct {
	configFlags `embed:""`
	Name        string        `arg:"" help:"For people, as the program that uses it."`
	Scope       string        `default:"control" enum:"read,control,admin" help:"What it may do: read; control, change rooms and act in them; admin, operate the server."`
	Room        []string      `placeholder:"NAME" help:"The only rooms that it is good for. Repeatable. Default: all, and the server."`
	For         time.Duration `placeholder:"DURATION" help:"How long it is good, as 720h. Default: for ever."`
}

type keyListCommand struct {
	configFlags `embed:""`
}

type keyRevokeCommand struct {
	configFlags `embed:""`
	ID          string `arg:"" help:"As \"confd key list\" tells it."`
}

// Run makes a key. Its secret alone goes to the standard output.
func (c keyCreateCommand) Run(m *Main) error {
	k, secret, err := c.key(time.Now())
	if err != nil {
		return &usageError{err}
	}
	if err := c.withKeys(m, func(s keyStore) error { return s.add(k) }); err != nil {
		return err
	}
	fmt.Fprintf(m.Stderr, "confd: key %s (%s, %s) is told here and never again:\n", k.ID, k.Name, k.Scope)
	_, err = fmt.Fprintln(m.Stdout, secret)
	return err
}

func (c keyCreateCommand) key(now time.Time) (k api.Key, secret string, err error) {
	if c.Name == "" || len(c.Name) > 128 || strings.ContainsFunc(c.Name, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }) {
		return k, "", fmt.Errorf("%.128q is no name for a key; right are 1 to 128 bytes of text without control characters", c.Name)
	}
	if c.For < 0 {
		return k, "", fmt.Errorf("--for: %v is wrong; right is a time to come, as 720h", c.For)
	}
	secret = "confd_" + strings.ToLower(rand.Text()+rand.Text())
	k = api.Key{
		ID: "key_" + strings.ToLower(rand.Text()[:16]), Name: c.Name, Scope: api.Scope(c.Scope),
		Hash: api.HashKey(secret), Created: now.UTC().Truncate(time.Second),
	}
	if c.For > 0 {
		k.Expires = k.Created.Add(c.For)
	}
	for _, room := range c.Room {
		name, err := rooms.ParseName(room)
		if err != nil {
			return k, "", fmt.Errorf("--room: %w", err)
		}
		k.Rooms = append(k.Rooms, name)
	}
	return k, secret, nil
}

// Run lists the keys.
func (c keyListCommand) Run(m *Main) error {
	return c.withKeys(m, func(s keyStore) error {
		all, err := s.all()
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(m.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tNAME\tSCOPE\tROOMS\tCREATED\tEXPIRES")
		for _, k := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Name, k.Scope, roomNames(k.Rooms), k.Created.Format(time.RFC3339), expiry(k))
		}
		return w.Flush()
	})
}

func roomNames(names []rooms.Name) string {
	if len(names) == 0 {
		return "all"
	}
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = string(n)
	}
	return strings.Join(texts, ",")
}

func expiry(k api.Key) string {
	if k.Expires.IsZero() {
		return "never"
	}
	return k.Expires.Format(time.RFC3339)
}

// Run forgets a key.
func (c keyRevokeCommand) Run(m *Main) error {
	return c.withKeys(m, func(s keyStore) error { return s.revoke(c.ID) })
}

// withKeys opens the store that a server with this configuration would have.
func (f configFlags) withKeys(m *Main, act func(keyStore) error) error {
	config, _, err := f.load(m.Env)
	if err != nil {
		return err
	}
	path := config.Store.Path
	if path == autoPath {
		path = statePath(m.Env)
	}
	if path == "" {
		return &usageError{errors.New("store.path: memory keeps no keys; name the server's file, as in --store /var/lib/confd/confd.db")}
	}
	file, err := store.Open(path, store.Options{Logger: slog.New(slog.DiscardHandler)})
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("%w; keys change only while the server is stopped, or in its http.keys", err)
	}
	if err != nil {
		return err
	}
	keys, err := openKeyStore(file)
	if err == nil {
		err = act(keys)
	}
	return errors.Join(err, file.Close())
}
