package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/confd/confd/cmd/confd/client"
)

// remoteCommands are those that speak to a running server.
type remoteCommands struct {
	Rooms         roomsCommand         `cmd:"" help:"List, show, create, change or delete rooms of a running server."`
	Participants  participantsCommand  `cmd:"" help:"List, show, change, remove, move or dial participants of a room."`
	Calls         callsCommand         `cmd:"" help:"List or show calls that are over."`
	Conferences   conferencesCommand   `cmd:"" help:"List or show conferences that are over."`
	Top           topCommand           `cmd:"" help:"Watch rooms, talkers, levels and loss, live."`
	Events        eventsCommand        `cmd:"" help:"Print what happens, as it happens."`
	Announcements announcementsCommand `cmd:"" help:"Play sound files into a room, list or stop what plays."`
	Sounds        soundsCommand        `cmd:"" help:"List, upload or delete the sound files that can be played."`
	Webhooks      webhooksCommand      `cmd:"" help:"List, show, create, test or delete subscriptions to events."`
	Drain         drainCommand         `cmd:"" help:"Take no new calls, and tell how far those are that run."`
	Log           logCommand           `cmd:"" help:"Tell or change from which level on a running server logs."`
}

// variables of the environment that are for clients and none of the server's settings.
const (
	envServer       = "CONFD_SERVER"
	envKey          = "CONFD_KEY"
	envLoadPassword = "CONFD_LOAD_PASSWORD"
)

const defaultServer = "http://127.0.0.1:8080"

// serverFlags say which server.
type serverFlags struct {
	Server string `placeholder:"URL" help:"Where the server's HTTP is. CONFD_SERVER does the same. Default http://127.0.0.1:8080."`
	Key    string `placeholder:"KEY" help:"Access key. CONFD_KEY does the same, and does not show in lists of processes."`
}

// remoteFlags say which server, and how to print.
type remoteFlags struct {
	serverFlags `embed:""`
	JSON        bool `name:"json" help:"Print the server's JSON."`
}

func (f serverFlags) client(m *Main) (*client.Client, error) {
	server, key := f.Server, f.Key
	if server == "" {
		server = lookup(m.Env, envServer)
	}
	if server == "" {
		server = defaultServer
	}
	if key == "" {
		key = lookup(m.Env, envKey)
	}
	c, err := client.New(server, key)
	if err != nil {
		return nil, &usageError{err}
	}
	return c, nil
}

// do sends one request and prints the answer: as JSON, or as tell does.
func (f remoteFlags) do(ctx context.Context, m *Main, method, path string, query url.Values, body any, tell func(json.RawMessage) error) error {
	text, err := f.ask(ctx, m, method, path, query, body)
	if err != nil {
		return err
	}
	return f.show(m, text, tell)
}

func (f remoteFlags) ask(ctx context.Context, m *Main, method, path string, query url.Values, body any) (json.RawMessage, error) {
	c, err := f.client(m)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Do(ctx, method, path, query, body)
}

func (f remoteFlags) show(m *Main, answer json.RawMessage, tell func(json.RawMessage) error) error {
	if f.JSON {
		return printJSON(m.Stdout, answer)
	}
	return tell(answer)
}

// listing is a list and how to print it.
type listing struct {
	path, field string
	whole       bool // it comes in one piece, not in pages
	query       url.Values
	limit       int    // of entries; 0 is all
	head        string // of the table
	row         func(json.RawMessage) (string, error)
}

// list reads a list and prints it: as JSON, or as a table.
func (f remoteFlags) list(ctx context.Context, m *Main, l listing) error {
	c, err := f.client(m)
	if err != nil {
		return err
	}
	defer c.Close()
	var all []json.RawMessage
	if l.whole {
		all, err = c.Whole(ctx, l.path, l.field)
	} else {
		all, err = c.List(ctx, l.path, l.field, l.query, l.limit)
	}
	if err != nil {
		return err
	}
	if f.JSON {
		return m.printValue(map[string]any{l.field: all})
	}
	w := table(m.Stdout)
	fmt.Fprintln(w, l.head)
	for _, entry := range all {
		line, err := l.row(entry)
		if err != nil {
			return fmt.Errorf("an entry of %s: %w", l.field, err)
		}
		fmt.Fprintln(w, line)
	}
	return w.Flush()
}

// rowOf makes a line of a table from an entry's words.
func rowOf[T any](words func(*T) []string) func(json.RawMessage) (string, error) {
	return func(text json.RawMessage) (string, error) {
		var v T
		err := json.Unmarshal(text, &v)
		return strings.Join(words(&v), "\t"), err
	}
}

// tell prints a line about an answer.
func tell[T any](m *Main, words func(*T) string) func(json.RawMessage) error {
	return func(text json.RawMessage) error {
		var v T
		if err := json.Unmarshal(text, &v); err != nil {
			return err
		}
		_, err := fmt.Fprintln(m.Stdout, words(&v))
		return err
	}
}

func table(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 8, 2, ' ', 0) }

// printValue prints v as JSON.
func (m *Main) printValue(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return printJSON(m.Stdout, text)
}

func printJSON(w io.Writer, text []byte) error {
	if len(text) == 0 {
		return nil // 204
	}
	out, err := client.JSON(text)
	if err == nil {
		_, err = w.Write(out)
	}
	return err
}

// fields prints each field of an object on a line.
func (m *Main) fields(text json.RawMessage) error {
	all, err := client.Fields(text, "stats", "reason")
	if err != nil {
		return err
	}
	w := table(m.Stdout)
	for _, f := range all {
		fmt.Fprintf(w, "%s\t%s\n", f.Name, f.Value)
	}
	return w.Flush()
}

// say prints a line instead of an answer.
func (m *Main) say(format string, args ...any) func(json.RawMessage) error {
	return func(json.RawMessage) error {
		_, err := fmt.Fprintf(m.Stdout, format+"\n", args...)
		return err
	}
}

// why is the query that tells phones a reason.
func why(reason string) url.Values {
	if reason == "" {
		return nil
	}
	return url.Values{"reason": {reason}}
}

// patch gathers the fields of a body that were given.
type patch map[string]any

func put[T any](p patch, name string, v *T) {
	if v != nil {
		p[name] = *v
	}
}

// list puts a list that has something in it.
func (p patch) list(name string, l []string) {
	if len(l) > 0 {
		p[name] = l
	}
}

// metadata puts a JSON text into a patch.
func (p patch) metadata(text *string) error {
	if text == nil {
		return nil
	}
	if !json.Valid([]byte(*text)) {
		return &usageError{fmt.Errorf("--metadata: %.100q is no JSON; right is something like '{\"team\":\"red\"}'", *text)}
	}
	p["metadata"] = json.RawMessage(*text)
	return nil
}

// some refuses a change that changes nothing.
func (p patch) some() error {
	if len(p) == 0 {
		return &usageError{fmt.Errorf("nothing to change; flags say what, see --help")}
	}
	return nil
}

// dash is what tables have for nothing.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return client.Clip(s, 40)
}

// allOr is a list for a table, of which none stands for all.
func allOr(list []string) string {
	if len(list) == 0 {
		return "all"
	}
	return client.Clip(strings.Join(list, ","), 80)
}

// since is how long ago something was.
func since(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "-"
	}
	return max(time.Since(*t), 0).Truncate(time.Second).String()
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
