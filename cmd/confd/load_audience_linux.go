package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/confd/confd/bench/load"
	"github.com/confd/confd/bench/load/audience"
	"github.com/confd/confd/bench/load/report"
	"github.com/confd/confd/cmd/confd/client"
	"github.com/confd/confd/multicast/listen"
)

// audienceFlags have listeners of a room's multicast group, beside callers or alone.
type audienceFlags struct {
	MulticastListeners int           `placeholder:"N" help:"Hear a multicast group so often, each with sockets, repair and feedback of its own. Without --to, nobody calls."`
	MulticastSDP       string        `name:"multicast-sdp" placeholder:"FILE|URL" help:"The group's description, as confd listen takes it."`
	API                string        `name:"api" placeholder:"URL" help:"Instead: the server's HTTP, for the description of the room of --to. The key is in CONFD_KEY."`
	MulticastInterface string        `placeholder:"NAME" help:"Join here. Default: the route's."`
	MulticastBuffer    time.Duration `placeholder:"DURATION" help:"As --buffer of confd listen."`
}

// alone tells whether only a group is listened to.
func (c loadCommand) alone() bool {
	return c.MulticastListeners > 0 && c.To == "" && c.Callers == 0
}

// whom refuses what names nobody to call or hear.
func (c loadCommand) whom() error {
	switch {
	case c.MulticastListeners < 0 || c.MulticastListeners > audience.MaxListeners:
		return fmt.Errorf("--multicast-listeners %d: want 1 to %d", c.MulticastListeners, audience.MaxListeners)
	case c.MulticastListeners > 0 && (c.MulticastSDP == "") == (c.API == ""):
		return errors.New("--multicast-listeners: want --multicast-sdp, or --api, for the group's description")
	case c.MulticastListeners == 0 && c.MulticastSDP+c.API+c.MulticastInterface != "":
		return errors.New("--multicast-sdp, --api and --multicast-interface go with --multicast-listeners")
	case c.API != "" && (c.To == "" || c.Rooms != 1):
		return errors.New("--api: want --to with one room, whose group it is; else --multicast-sdp")
	case c.alone() && (c.Report != "" || c.Ramp > 0):
		return errors.New("--report and --ramp are about callers: want --to and --callers with them")
	case c.alone():
		return nil
	case c.To == "":
		return errors.New("--to: want whom to call, as sip:ROOM@HOST:PORT")
	case c.Callers == 0:
		return errors.New("--callers: 0 callers; want how many")
	}
	return nil
}

// listeners are those of a group while a load runs; a nil one has none.
type listeners struct {
	all  *audience.Audience
	stop func() // ends the watch for changes
	mu   sync.Mutex
	bad  []string // what went wrong meanwhile
}

// join has the listeners begin, if any are asked for.
func (c loadCommand) join(ctx context.Context, m *Main) (*listeners, error) {
	if c.MulticastListeners == 0 {
		return nil, nil
	}
	from, err := (&listenCommand{Session: c.description()}).origin(m)
	if err != nil {
		return nil, err
	}
	s, err := from.read(ctx)
	if err != nil {
		from.close()
		return nil, err
	}
	all, err := audience.Start(audience.Options{Listeners: c.MulticastListeners, Session: s,
		Listen: listen.Config{Interface: c.MulticastInterface, Buffer: c.MulticastBuffer}})
	if err != nil {
		from.close()
		return nil, err
	}
	l := &listeners{all: all}
	l.follow(ctx, from)
	return l, nil
}

// description is where the group's is.
func (c loadCommand) description() string {
	if c.MulticastSDP != "" {
		return c.MulticastSDP
	}
	return strings.TrimRight(c.API, "/") + client.Path("v1", "rooms", roomOf(c.To), "multicast.sdp")
}

// roomOf returns the user part of a SIP URI.
func roomOf(uri string) string {
	_, rest, _ := strings.Cut(uri, ":")
	user, _, _ := strings.Cut(rest, "@")
	user, _, _ = strings.Cut(user, ";")
	if plain, err := url.PathUnescape(user); err == nil {
		return plain
	}
	return user
}

// follow gives the listeners every new key.
func (l *listeners) follow(ctx context.Context, from *origin) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	news := make(chan *listen.Session)
	var over sync.WaitGroup
	over.Go(func() { from.follow(ctx, news, l.note) })
	over.Go(func() {
		for {
			select {
			case s := <-news:
				if err := l.all.Update(s); err != nil {
					l.note(err)
				}
			case <-ctx.Done():
				return
			}
		}
	})
	l.stop = func() {
		cancel()
		over.Wait()
		from.close()
	}
}

func (l *listeners) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bad = append(l.bad, "multicast: "+client.Clean(err.Error()))
}

// tell ends the listeners and puts what they heard into the report, if there is one.
func (l *listeners) tell(r *report.Report) {
	if l == nil {
		return
	}
	l.stop()
	heard := l.all.Close()
	if r == nil {
		return
	}
	r.Multicast, r.Notes = heard, append(r.Notes, l.bad...)
	heard.Judge(&r.Verdict)
}

// listen waits while the listeners listen, and begins the report.
func (c loadCommand) listen(ctx context.Context, o load.Options) (*report.Report, error) {
	began := time.Now()
	select {
	case <-ctx.Done():
	case <-time.After(c.For):
	}
	return &report.Report{Program: o.Program, Began: began, TookSeconds: time.Since(began).Seconds(), Options: report.Options{ForSeconds: c.For.Seconds()}}, nil
}
