package rooms

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/mixer"
	"github.com/confd/confd/multicast"
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
	Open            OpenPolicy      // OpenPrivate if empty
	MaxRooms        int             // rooms at a time; 10000
	MaxParticipants int             // participants at a time in all rooms; 10000
	MaxPerRoom      int             // participants at a time in one room; 1000
	History         int             // events to resume from; 4096, negative for none
	Groups          *multicast.Host // gives rooms their multicast groups; nil: none may have one
	Video           VideoConfig
	Store           Store // where rooms made by the API are kept; nil = they do not survive
	// Records, if not nil, is told of every call and conference that is over, by a room's
	// goroutine: it must not block.
	Records func(Record)
	Logger  *slog.Logger // slog.Default if nil
}

// Counts are figures of a registry, of now or since its birth.
type Counts struct {
	Rooms           int    // there are now
	Conferences     int    // rooms with somebody in them, now
	Participants    int    // in them now, those being called among them
	RoomsOpened     uint64 // conferences, since birth
	Joined          uint64
	Refused         uint64               // joins that ended in an error
	MediaEventsLost uint64               // the media plane was faster than a room
	DialsRefused    uint64               // dial-outs that ended in an error before they began
	Subscribers     int                  // to events, now
	SubscribersCut  uint64               // event subscribers that did not keep up
	Events          map[EventKind]uint64 // published; every kind is in it
	Draining        bool                 // nobody may join any more
}

// Registry is all rooms by name. Its methods may be called by any goroutine.
type Registry struct {
	config        Config
	newStage      func(tuning, func(mixer.Event)) stage
	newVideoStage func(func(forwarder.Event)) videoStage // nil: there is no video
	hub           hub
	deadlines     deadlines
	names         nameLocks  // of definitions that change
	moving        sync.Mutex // one move at a time

	ledger       ledger
	videoLedger  videoLedger
	seats        atomic.Int64 // participants, and those who are about to be
	opened       atomic.Uint64
	openNow      atomic.Int64
	joined       atomic.Uint64
	refused      atomic.Uint64
	dialsRefused atomic.Uint64
	mediaMissed  atomic.Uint64

	mu       sync.Mutex
	dialer   Dialer
	rooms    map[Name]*room     // that take requests
	alive    map[*room]struct{} // that have not ended altogether
	draining bool
}

// New returns a registry without rooms.
func New(c Config) *Registry {
	g := newRegistry(c, func(t tuning, events func(mixer.Event)) stage { return newConference(c.Engine, t, events) })
	if e := c.Video.Engine; e != nil {
		g.newVideoStage = func(events func(forwarder.Event)) videoStage {
			return e.NewConference(forwarder.ConferenceConfig{Events: events})
		}
	}
	// Numbers of an earlier process are never those of this one.
	g.hub.seq = uint64(time.Now().UnixMicro())
	return g
}

func newRegistry(c Config, newStage func(tuning, func(mixer.Event)) stage) *Registry {
	if c.Open == "" {
		c.Open = OpenPrivate
	}
	for _, def := range []struct {
		field *int
		value int
	}{{&c.MaxRooms, 10000}, {&c.MaxParticipants, 10000}, {&c.MaxPerRoom, 1000}, {&c.History, historySize}} {
		if *def.field == 0 {
			*def.field = def.value
		}
	}
	c.Video.fill()
	if c.Store == nil {
		c.Store = noStore{}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Registry{
		config:   c,
		newStage: newStage,
		hub:      hub{history: history{limit: max(c.History, 0)}},
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
	if err := g.takeSeat("join"); err != nil {
		return nil, err
	}
	p := newParticipant(req.Info)
	p.connect(req.Media, req.Media.leg(), req.Call)
	if err := g.seat(p, req); err != nil {
		g.release()
		return nil, err
	}
	return p, nil
}

// takeSeat counts a participant more, if the server may have it.
func (g *Registry) takeSeat(op string) error {
	if g.seats.Add(1) <= int64(g.config.MaxParticipants) {
		return nil
	}
	g.release()
	return errorf(Full, op, "the server has %d participants, as many as rooms.max_total_participants allows", g.config.MaxParticipants)
}

// seat puts p into the room, or into its successor if it ends meanwhile.
func (g *Registry) seat(p *Participant, req JoinRequest) error {
	for {
		r, isNew, err := g.open(req.Room, req.Trusted)
		if err != nil {
			return err
		}
		if isNew {
			joined := make(chan error)
			go r.run(func() { joined <- r.join(p, req.Trusted) }) // which nothing speaks against yet
			return <-joined
		}
		if err := tellRoom(r, func() error { return r.join(p, req.Trusted) }); err != errEnded {
			return err
		}
	}
}

// open returns the room of a name, and whether it has just been made: the caller then runs
// it.
func (g *Registry) open(name Name, trusted bool) (r *room, isNew bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r = g.rooms[name]; r != nil && !g.draining {
		return r, false, nil
	}
	if err = g.mayOpen(name, trusted); err != nil {
		return nil, false, err
	}
	return g.add(name), true, nil
}

// add makes a room that somebody else has to run; g.mu is held.
func (g *Registry) add(name Name) *room {
	r := newRoom(g, name)
	g.rooms[name] = r
	g.alive[r] = struct{}{}
	return r
}

// mayOpen applies policy and limit; g.mu is held.
func (g *Registry) mayOpen(name Name, trusted bool) error {
	switch {
	case g.draining:
	case g.config.Open == OpenNobody:
		return errorf(NotFound, "join", "there is no room %q, and rooms.open = nobody lets no call open one", name)
	case g.config.Open == OpenPrivate && !trusted:
		return errorf(Forbidden, "join", "there is no room %q, and rooms.open = private lets only callers from trusted networks open one", name)
	}
	return g.hasRoom(name, "join")
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
	return nil, missing(name)
}

// Participant returns who has the id in a room. Error: NotFound.
func (g *Registry) Participant(name Name, id string) (*Participant, error) {
	r, err := g.find(name)
	if err != nil {
		return nil, err
	}
	return ask(r, func() (*Participant, error) { return r.find(id) })
}

// Snapshot returns what all rooms are like at one moment, by name, as a [SnapshotTaken].
func (g *Registry) Snapshot() *Event { return g.hub.snapshot("") }

// Subscribe returns a stream of events.
func (g *Registry) Subscribe(o SubscribeOptions) *Subscription { return g.hub.subscribe(o) }

// CloseRoom ends a conference: everybody's Call is asked to end for that reason. A room that
// the API made stays, empty. It returns when the media plane has let go of all. Errors:
// NotFound, TimedOut.
func (g *Registry) CloseRoom(ctx context.Context, name Name, why Reason) error {
	const op = "close room"
	r, err := g.find(name)
	if err != nil {
		return err
	}
	left, err := r.empty(why)
	if err != nil {
		return missing(name)
	}
	return left.wait(ctx, op)
}

// emptied is a room that everybody is about to leave.
type emptied struct {
	everybody []*Participant
	ended     <-chan struct{} // of a room that ends; nil if it stays
}

// empty asks everybody's Call in the room to end. Error: it has ended already.
func (r *room) empty(why Reason) (emptied, error) {
	return ask(r, func() (emptied, error) {
		var e emptied
		if r.over = !r.persistent; r.over {
			e.ended = r.ended
		}
		e.everybody = r.clear(why)
		return e, nil
	})
}

// wait returns when the media plane has let go of all.
func (e *emptied) wait(ctx context.Context, op string) error {
	for _, p := range e.everybody {
		if err := wait(ctx, p.gone, op); err != nil {
			return err
		}
	}
	if e.ended == nil {
		return nil
	}
	return wait(ctx, e.ended, op)
}

// Refuse lets nobody join any more, dials nobody and makes no rooms; whoever is in a room
// stays.
func (g *Registry) Refuse() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.draining = true
}

// HangUp lets nobody join any more and ends all conferences for that reason; the rooms that
// the API made stay, empty. It returns when the media plane has let go of all. Error:
// TimedOut.
func (g *Registry) HangUp(ctx context.Context, why Reason) error {
	g.Refuse()
	var all []emptied
	for _, r := range g.list() {
		if e, err := r.empty(why); err == nil { // else it has ended by itself
			all = append(all, e)
		}
	}
	for _, e := range all {
		if err := e.wait(ctx, "hang up"); err != nil {
			return err
		}
	}
	return nil
}

// Drain lets nobody join any more, ends all rooms for that reason and returns when nothing
// is left of them; those that the API made stay in the store. Error: TimedOut if ctx ended
// first.
func (g *Registry) Drain(ctx context.Context, why Reason) error {
	g.Refuse()
	for _, r := range g.list() {
		_ = tellRoom(r, func() error { r.retire(why); return nil }) // an error: it has ended by itself
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
	g.deadlines.close()
	g.hub.close()
}

// MediaTotals returns what all participants, past and present, sent and got.
func (g *Registry) MediaTotals() MediaTotals { return g.ledger.totals() }

// Counts returns figures for metrics.
func (g *Registry) Counts() Counts {
	published, subscribers, cut := g.hub.counts()
	g.mu.Lock()
	defer g.mu.Unlock()
	return Counts{
		Rooms:           len(g.rooms),
		Conferences:     int(g.openNow.Load()),
		Participants:    int(g.seats.Load()),
		RoomsOpened:     g.opened.Load(),
		Joined:          g.joined.Load(),
		Refused:         g.refused.Load(),
		MediaEventsLost: g.mediaMissed.Load(),
		DialsRefused:    g.dialsRefused.Load(),
		Subscribers:     subscribers,
		SubscribersCut:  cut,
		Events:          published,
		Draining:        g.draining,
	}
}
