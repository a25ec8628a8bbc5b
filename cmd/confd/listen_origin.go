package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/confd/confd/cmd/confd/client"
	"github.com/confd/confd/multicast/listen"
)

// origin is where a group's description comes from: a file, or a server.
type origin struct {
	file   string
	server *client.Client // nil: the file
	path   string
	query  url.Values
	events string // path of the room's events, "" if the path is of no room
}

func (c *listenCommand) origin(m *Main) (*origin, error) {
	if !strings.HasPrefix(c.Session, "http://") && !strings.HasPrefix(c.Session, "https://") {
		return &origin{file: c.Session}, nil
	}
	u, err := url.Parse(c.Session)
	if err != nil || u.Host == "" || u.User != nil {
		return nil, &usageError{fmt.Errorf("%.200q is no address; right is something like http://127.0.0.1:8080/v1/rooms/ROOM/multicast.sdp", c.Session)}
	}
	o := &origin{path: u.EscapedPath(), query: u.Query()}
	base := ""
	if i := strings.Index(o.path, "/v1/rooms/"); i >= 0 {
		base, o.path = o.path[:i], o.path[i:]
		if room, is := strings.CutSuffix(o.path, "/multicast.sdp"); is {
			o.events = room + "/events"
		}
	}
	key := c.Key
	if key == "" {
		key = lookup(m.Env, envKey)
	}
	o.server, err = client.New(u.Scheme+"://"+u.Host+base, key)
	if err != nil {
		return nil, &usageError{err}
	}
	return o, nil
}

func (o *origin) close() {
	if o.server != nil {
		o.server.Close()
	}
}

// read returns the description as it is now.
func (o *origin) read(ctx context.Context) (*listen.Session, error) {
	if o.server == nil {
		text, err := os.ReadFile(o.file)
		if err != nil {
			return nil, err
		}
		s, err := listen.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.file, err)
		}
		return s, nil
	}
	text, err := o.server.Text(ctx, o.path, o.query)
	if err != nil {
		return nil, err
	}
	return listen.Parse(text)
}

// follow hands over the description whenever the file was written, or the room's events say
// that it changed, and once more after the events broke off, until ctx ends.
func (o *origin) follow(ctx context.Context, news chan<- *listen.Session, told func(error)) {
	if o.server == nil {
		o.followFile(ctx, news, told)
	}
	if o.events == "" {
		return
	}
	changed := func(json.RawMessage) error { return o.fetch(ctx, news, told) }
	for ctx.Err() == nil {
		err := o.server.Watch(ctx, o.events, url.Values{"kinds": {"room.multicast"}}, changed)
		if ctx.Err() != nil {
			return
		}
		told(fmt.Errorf("a change of key will not be noticed: %w", err))
		if !errors.Is(err, client.ErrBroken) {
			return
		}
		select {
		case <-time.After(againAfter):
		case <-ctx.Done():
			return
		}
		_ = o.fetch(ctx, news, func(error) {})
	}
}

// followFile looks at the file once a second.
func (o *origin) followFile(ctx context.Context, news chan<- *listen.Session, told func(error)) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := o.written()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if now := o.written(); !now.Equal(last) && !now.IsZero() {
			last = now
			_ = o.fetch(ctx, news, told)
		}
	}
}

// written is when the file was last changed, zero if it is not there.
func (o *origin) written() time.Time {
	i, err := os.Stat(o.file)
	if err != nil {
		return time.Time{}
	}
	return i.ModTime()
}

// fetch reads the description anew. That there is none, because the group was taken from
// the room, is told.
func (o *origin) fetch(ctx context.Context, news chan<- *listen.Session, told func(error)) error {
	s, err := o.read(ctx)
	if err != nil {
		if ctx.Err() == nil {
			told(err)
		}
		return nil
	}
	select {
	case news <- s:
	case <-ctx.Done():
	}
	return nil
}
