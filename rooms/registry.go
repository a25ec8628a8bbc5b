package rooms

import (
	"context"
	"crypto/rand"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/confd/confd/mixer"
)

// OpenPolicy says whose call opens a room that does not exist.
type OpenPolicy string

// The policies of rooms.open.
const (
	OpenPrivate OpenPolicy = "private" // callers that signalling trusts
	OpenAnyone  OpenPolicy = "anyone"
	OpenNobody  OpenPolicy = "nobody"
)

// Config is what a [Registry] needs. Limits of 0 are the defaults.
type Config struct {
	Engine          *mixer.Engine
	Open            OpenPolicy   // OpenPrivate if empty
	MaxRooms        int          // rooms at a time; 10000
	MaxParticipants int          // participants at a time in all rooms; 10000
	MaxPerRoom      int          // participants at a time in one room; 1000
	Logger          *slog.Logger // slog.Default if nil
}

// Counts are figures of a registry, of now or since its birth.
type Counts struct {
	Rooms           int    // open now
	Participants    int    // in them now
	RoomsOpened     uint64 // since birth
	Joined          uint64
	Refused         uint64               // joins that ended in an error
	MediaEventsLost uint64               // the media plane was faster than a room
	SubscribersCut  uint64               // event subscribers that did not keep up
	Events          map[EventKind]uint64 // published; every kind is in it
	Draining        bool                 // nobody may join any more
}

// Registry is all rooms by name. Its methods may be called by any goroutine.
type Registry struct {
	config   Config
	newStage func(func(mixer.Event)) stage
	hub      hub

	ledger      ledger
	seats       atomic.Int64 // participants, and those who are about to be
	joined      atomic.Uint64
	refused     atomic.Uint64
	mediaMissed atomic.Uint64

	mu       sync.Mutex
	rooms    map[Name]*room     // that take requests
	alive    map[*room]struct{} // that have not ended altogether
	opened   uint64
	draining bool
}

// New returns a registry without rooms.
func New(c Config) *Registry {
	return newRegistry(c, func(events func(mixer.Event)) stage { return newConference(c.Engine, events) })
}

func newRegistry(c Config, newStage func(func(mixer.Event)) stage) *Registry {
	if c.Open == "" {
		c.Open = OpenPrivate
	}
	if c.MaxRooms == 0 {
		c.MaxRooms = 10000
	}
	if c.MaxParticipants == 0 {
		c.MaxParticipants = 10000
	}
	if c.MaxPerRoom == 0 {
		c.MaxPerRoom = 1000
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Registry{
		config:   c,
		newStage: newStage,
		rooms:    make(map[Name]*room),
		alive:    make(map[*room]struct{}),
	}
}

// Join takes a participant into a room, and opens the room if there is none and policy
// lets this caller. The participant is heard from the next tick on. Errors: Invalid,
// NotFound or Forbidden (policy), Full (the room, or a limit on all), Draining, TimedOut.
func (g *Registry) Join(ctx context.Context, req JoinRequest) (*Participant, error) {
	p, err := g.join(ctx, req)
	if err != nil {
		g.refused.Add(1)
		return nil, err
	}
	g.joined.Add(1)
	return p, nil
}

func (g *Registry) join(ctx context.Context, req JoinRequest) (*Participant, error) {
	if err := ctx.Err(); err != nil {
		return nil, &Error{Code: TimedOut, Op: "join", Message: "the caller did not wait", Err: err}
	}
	if name, err := ParseName(string(req.Room)); err != nil || name != req.Room {
		return nil, errorf(Invalid, "join", "%.80q is no canonical room name; %s", string(req.Room), nameRule)
	}
	if g.seats.Add(1) > int64(g.config.MaxParticipants) {
		g.release()
		return nil, errorf(Full, "join", "the server has %d participants, as many as rooms.max_total_participants allows", g.config.MaxParticipants)
	}
	p := newParticipant(req)
	if err := g.seat(p, req); err != nil {
		g.release()
		return nil, err
	}
	return p, nil
}

// seat puts p into the room, or into its successor if it ends meanwhile.
func (g *Registry) seat(p *Participant, req JoinRequest) error {
	for {
		r, isNew, err := g.open(req.Room, req.Trusted)
		if err != nil {
			return err
		}
		if isNew {
			started := make(chan struct{})
			go r.run(p, started)
			<-started
			return nil
		}
		if _, err = ask(r, r.joins, p); err != errEnded {
			return err
		}
	}
}

// open returns the room of a name, and whether it has just been made: the caller then runs
// it.
func (g *Registry) open(name Name, trusted bool) (r *room, isNew bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.draining {
		return nil, false, errorf(Draining, "join", "the server is about to end and takes nobody new")
	}
	if r = g.rooms[name]; r != nil {
		return r, false, nil
	}
	if err = g.mayOpen(name, trusted); err != nil {
		return nil, false, err
	}
	r = newRoom(g, name)
	g.rooms[name] = r
	g.alive[r] = struct{}{}
	g.opened++
	return r, true, nil
}

// mayOpen applies policy and limit; g.mu is held.
func (g *Registry) mayOpen(name Name, trusted bool) error {
	switch {
	case g.config.Open == OpenNobody:
		return errorf(NotFound, "join", "there is no room %q, and rooms.open = nobody lets no call open one", name)
	case g.config.Open == OpenPrivate && !trusted:
		return errorf(Forbidden, "join", "there is no room %q, and rooms.open = private lets only callers from trusted networks open one", name)
	case len(g.rooms) >= g.config.MaxRooms:
		return errorf(Full, "join", "there are %d rooms, as many as rooms.max_rooms allows", len(g.rooms))
	}
	return nil
}

func newParticipant(req JoinRequest) *Participant {
	p := &Participant{
		id:      strings.ToLower(rand.Text()[:16]),
		info:    req.Info,
		call:    req.Call,
		receive: req.Media.Receive,
		gone:    make(chan struct{}),
	}
	if req.Media.Source != nil {
		p.leg.in = mixer.NewInput(req.Media.Source, req.Media.Receive)
	}
	if req.Media.Sink != nil {
		p.leg.out = mixer.NewOutput(req.Media.Sink, req.Media.Send)
	}
	return p
}

// release gives a participant's seat back.
func (g *Registry) release() { g.seats.Add(-1) }

// forget frees the name of a room that takes no more requests.
func (g *Registry) forget(r *room) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.rooms, r.name)
}

// bury notes that nothing is left of a room.
func (g *Registry) bury(r *room) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.alive, r)
}

// list returns the rooms that take requests, by name.
func (g *Registry) list() []*room {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make([]*room, 0, len(g.rooms))
	for _, r := range g.rooms {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *room) int { return strings.Compare(string(a.name), string(b.name)) })
	return all
}

func (g *Registry) find(name Name) (*room, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r := g.rooms[name]; r != nil {
		return r, nil
	}
	return nil, errorf(NotFound, "find room", "there is no room %q", name)
}

// Participant returns who has the id in a room. Error: NotFound.
func (g *Registry) Participant(name Name, id string) (*Participant, error) {
	r, err := g.find(name)
	if err != nil {
		return nil, err
	}
	return ask(r, r.finds, id)
}

// Room returns what a room is like now. Error: NotFound.
func (g *Registry) Room(name Name) (RoomSnapshot, error) {
	r, err := g.find(name)
	if err != nil {
		return RoomSnapshot{}, err
	}
	return ask(r, r.snapshots, none{})
}

// Snapshot returns what all rooms are like now, by name; each is consistent in itself.
func (g *Registry) Snapshot() []RoomSnapshot {
	var all []RoomSnapshot
	for _, r := range g.list() {
		if s, err := ask(r, r.snapshots, none{}); err == nil {
			all = append(all, s)
		}
	}
	return all
}

// Subscribe returns every later event in order, in a channel that buffers that many, at
// least 1. Who lets it fill is cut off: the channel is closed, and the way back is to
// subscribe again and take a [Registry.Snapshot]. cancel closes it, too, and may be called
// more than once.
func (g *Registry) Subscribe(buffer int) (events <-chan Event, cancel func()) {
	return g.hub.subscribe(buffer)
}

// CloseRoom ends a conference: everybody's Call is asked to end for that reason. It returns
// when the media plane has let go of all. Errors: NotFound, TimedOut.
func (g *Registry) CloseRoom(ctx context.Context, name Name, why Reason) error {
	r, err := g.find(name)
	if err != nil {
		return err
	}
	if _, err := ask(r, r.closes, why); err != nil {
		return err
	}
	return wait(ctx, r.ended, "close room")
}

// Refuse lets nobody join any more; whoever is in a room stays.
func (g *Registry) Refuse() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.draining = true
}

// Drain lets nobody join any more, ends all rooms for that reason and returns when nothing
// is left of them. Error: TimedOut if ctx ended first.
func (g *Registry) Drain(ctx context.Context, why Reason) error {
	g.Refuse()
	for _, r := range g.list() {
		_, _ = ask(r, r.closes, why) // an error: it has ended by itself
	}
	g.mu.Lock()
	var alive []*room
	for r := range g.alive {
		alive = append(alive, r)
	}
	g.mu.Unlock()
	for _, r := range alive {
		if err := wait(ctx, r.ended, "drain"); err != nil {
			return err
		}
	}
	return nil
}

// Close drains without a limit, while the engine still runs, and ends all subscriptions.
func (g *Registry) Close() {
	_ = g.Drain(context.Background(), Reason{Code: ReasonDraining})
	g.hub.close()
}

// MediaTotals returns what all participants, past and present, sent and got.
func (g *Registry) MediaTotals() MediaTotals { return g.ledger.totals() }

// Counts returns figures for metrics.
func (g *Registry) Counts() Counts {
	published, cut := g.hub.counts()
	g.mu.Lock()
	defer g.mu.Unlock()
	return Counts{
		Rooms:           len(g.rooms),
		Participants:    int(g.seats.Load()),
		RoomsOpened:     g.opened,
		Joined:          g.joined.Load(),
		Refused:         g.refused.Load(),
		MediaEventsLost: g.mediaMissed.Load(),
		SubscribersCut:  cut,
		Events:          published,
		Draining:        g.draining,
	}
}
