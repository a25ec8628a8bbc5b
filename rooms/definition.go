package rooms

import (
	"context"
	"strings"
	"sync"
	"time"
)

// Definition is a room that the API made. It is there without a conference, and survives a
// restart. With an EmptyTimeout it is deleted once it has been without participants for that
// long; without one it stays for ever. (A room that a call opened ends with its last
// participant, or its EmptyTimeout after that if somebody set one.)
type Definition struct {
	Name     Name      `json:"name"`
	Settings           // in force
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`
	Version  uint64    `json:"version"`
}

// Store keeps definitions. Both verbs return when the change is durable: only then does it
// become visible. Calls for one name follow each other; those for others may run at the same
// time.
type Store interface {
	SaveRoom(Definition) error
	DeleteRoom(Name) error // no error if there is none
}

// noStore forgets.
type noStore struct{}

func (noStore) SaveRoom(Definition) error { return nil }
func (noStore) DeleteRoom(Name) error     { return nil }

// newDefinition begins versions where no earlier room of the name can have been: at the
// time, in microseconds.
func newDefinition(name Name, s Settings) Definition {
	now := time.Now().UTC()
	return Definition{Name: name, Settings: s, Created: now, Updated: now, Version: uint64(now.UnixMicro())}
}

// Create makes a room, named at random if name is "". A room of that name that a call has
// opened becomes one that was created, with these settings. Errors: Invalid, Exists, Full,
// Draining, TimedOut, Internal if it could not be saved.
func (g *Registry) Create(ctx context.Context, name Name, s Settings) (RoomSnapshot, error) {
	const op = "create room"
	if name == "" {
		name = Name("r-" + newID()[:10])
	}
	if canonical, err := ParseName(string(name)); err != nil || canonical != name {
		return RoomSnapshot{}, wrong(op, "name", "%.80q is no canonical room name; %s", string(name), nameRule)
	}
	s = s.clone()
	if err := s.check(op, g.config.MaxPerRoom); err != nil {
		return RoomSnapshot{}, err
	}
	unlock, err := g.names.lock(ctx, name)
	if err != nil {
		return RoomSnapshot{}, err
	}
	defer unlock()
	if err := g.mayCreate(name); err != nil {
		return RoomSnapshot{}, err
	}
	def := newDefinition(name, s)
	if err := g.config.Store.SaveRoom(def); err != nil {
		return RoomSnapshot{}, unsaved(op, err)
	}
	snapshot, err := g.keep(def)
	if err != nil {
		if gone := g.config.Store.DeleteRoom(name); gone != nil {
			g.config.Logger.Error("a room that could not be made stays in the store", "room", string(name), "error", gone)
		}
	}
	return snapshot, err
}

func unsaved(op string, err error) error {
	return &Error{Code: Internal, Op: op, Message: "the change could not be saved: " + err.Error(), Err: err}
}

// mayCreate tells what speaks against a room of that name, before anything is saved.
func (g *Registry) mayCreate(name Name) error {
	if s, err := g.Get(name); err == nil && s.Persistent {
		return errorf(Exists, "create room", "there is a room %q already; PATCH changes it", name)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.hasRoom(name, "create room")
}

// hasRoom applies drain and limit; g.mu is held.
func (g *Registry) hasRoom(name Name, op string) error {
	switch {
	case g.draining:
		return errorf(Draining, op, "the server is about to end and takes nobody new")
	case g.rooms[name] == nil && len(g.rooms) >= g.config.MaxRooms:
		return errorf(Full, op, "there are %d rooms, as many as rooms.max_rooms allows", len(g.rooms))
	}
	return nil
}

// keep gives a definition a room: the one that is open under its name, or a new one.
func (g *Registry) keep(def Definition) (RoomSnapshot, error) {
	for {
		g.mu.Lock()
		if err := g.hasRoom(def.Name, "create room"); err != nil {
			g.mu.Unlock()
			return RoomSnapshot{}, err
		}
		r, isNew := g.rooms[def.Name], false
		if r == nil {
			r, isNew = g.add(def.Name), true
		}
		g.mu.Unlock()
		if isNew {
			s := make(chan RoomSnapshot, 1)
			go r.run(func() { s <- r.keep(def) })
			return <-s, nil
		}
		if s, err := ask(r, func() (RoomSnapshot, error) { return r.keep(def), nil }); err == nil {
			return s, nil
		}
	}
}

// keep makes the room a persistent one.
func (r *room) keep(def Definition) RoomSnapshot {
	r.persistent = true
	r.define(def)
	r.tellOfRoom(Event{Kind: RoomCreated})
	r.log.Info("room created")
	s, _ := r.snapshot()
	return s
}

// define puts a definition into force.
func (r *room) define(def Definition) {
	if def.EmptyTimeout != r.def.EmptyTimeout {
		r.idle.cancel()
		r.idle = nil
	}
	r.def = def
	if r.stage != nil {
		r.stage.tune(r.tuning())
	}
}

// Restore brings back rooms from a store, before anything else happens. Error: Invalid for
// the first definition that makes no sense, Exists for one that is there; the others are
// restored all the same.
func (g *Registry) Restore(defs []Definition) error {
	var first error
	for _, def := range defs {
		if err := g.restore(def); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (g *Registry) restore(def Definition) error {
	const op = "restore room"
	if canonical, err := ParseName(string(def.Name)); err != nil || canonical != def.Name {
		return wrong(op, "name", "%.80q is no canonical room name; %s", string(def.Name), nameRule)
	}
	def.MaxParticipants = min(def.MaxParticipants, g.config.MaxPerRoom) // the server's limit may have sunk
	def.Settings = def.Settings.clone()
	if err := def.Settings.check(op, g.config.MaxPerRoom); err != nil {
		return err
	}
	if _, err := g.find(def.Name); err == nil {
		return errorf(Exists, op, "room %q is there twice", def.Name)
	}
	_, err := g.keep(def)
	return err
}

// Get returns what a room is like now. Error: NotFound.
func (g *Registry) Get(name Name) (RoomSnapshot, error) {
	r, err := g.find(name)
	if err != nil {
		return RoomSnapshot{}, err
	}
	return ask(r, r.snapshot)
}

// ListOptions say which rooms are wanted: the first Limit (0 = all) after the name After
// whose names begin with Prefix.
type ListOptions struct {
	Prefix string
	After  Name
	Limit  int
}

// List returns rooms by name, without their participants. All are of the same moment.
func (g *Registry) List(o ListOptions) []RoomSnapshot {
	all := g.hub.list(func(n Name) bool { return n > o.After && strings.HasPrefix(string(n), o.Prefix) })
	if o.Limit > 0 && len(all) > o.Limit {
		all = all[:o.Limit]
	}
	return all
}

// Patch changes a room's settings. change gets a copy of them and may leave it half changed
// if it returns an error, which Patch then does, too. ifVersion, if not nil, is the version
// that the caller saw. The change takes effect in the running conference. Errors: NotFound,
// Invalid, Conflict, TimedOut, Internal if it could not be saved.
func (g *Registry) Patch(ctx context.Context, name Name, change func(*Settings) error, ifVersion *uint64) (RoomSnapshot, error) {
	const op = "patch room"
	unlock, err := g.names.lock(ctx, name)
	if err != nil {
		return RoomSnapshot{}, err
	}
	defer unlock()
	r, err := g.find(name)
	if err != nil {
		return RoomSnapshot{}, err
	}
	now, err := ask(r, r.snapshot)
	if err != nil {
		return RoomSnapshot{}, missing(name)
	}
	if err := sameVersion(op, now.Version, ifVersion); err != nil {
		return RoomSnapshot{}, err
	}
	next := now.Settings.clone()
	if err := change(&next); err != nil {
		return RoomSnapshot{}, err
	}
	next = next.clone() // the caller may keep what it put in
	if err := next.check(op, g.config.MaxPerRoom); err != nil {
		return RoomSnapshot{}, err
	}
	if next.equal(now.Settings) {
		return now, nil
	}
	def := Definition{Name: name, Settings: next, Created: now.Created, Updated: time.Now().UTC(), Version: now.Version + 1}
	if now.Persistent {
		if err := g.config.Store.SaveRoom(def); err != nil {
			return RoomSnapshot{}, unsaved(op, err)
		}
	}
	s, err := ask(r, func() (RoomSnapshot, error) {
		r.define(def)
		r.tellOfRoom(Event{Kind: RoomUpdated})
		return r.snapshot()
	})
	if err != nil {
		return RoomSnapshot{}, missing(name)
	}
	return s, nil
}

func sameVersion(op string, is uint64, want *uint64) error {
	if want == nil || *want == is {
		return nil
	}
	return errorf(Conflict, op, "it is at version %d, not %d: read it again, and patch what you find", is, *want)
}

func missing(name Name) error { return errorf(NotFound, "find room", "there is no room %q", name) }

// Delete ends a room for good, with its conference: everybody's Call is asked to end for
// that reason. It returns when the media plane has let go of all. Errors: NotFound,
// Conflict (as Patch), TimedOut, Internal if it could not be taken out of the store.
func (g *Registry) Delete(ctx context.Context, name Name, why Reason, ifVersion *uint64) error {
	const op = "delete room"
	unlock, err := g.names.lock(ctx, name)
	if err != nil {
		return err
	}
	r, err := g.find(name)
	if err == nil {
		err = g.delete(r, why, ifVersion)
	}
	unlock()
	if err != nil {
		return err
	}
	return wait(ctx, r.ended, op)
}

// delete begins the end of r; its name is locked.
func (g *Registry) delete(r *room, why Reason, ifVersion *uint64) error {
	s, err := ask(r, r.snapshot)
	if err != nil {
		return missing(r.name)
	}
	if err := sameVersion("delete room", s.Version, ifVersion); err != nil {
		return err
	}
	if s.Persistent {
		if err := g.config.Store.DeleteRoom(r.name); err != nil {
			return unsaved("delete room", err)
		}
	}
	if err := tellRoom(r, func() error { r.clear(why); r.over = true; return nil }); err != nil {
		return missing(r.name)
	}
	return nil
}

// expire deletes r if it has been empty for as long as it may be.
func (g *Registry) expire(r *room) {
	unlock, err := g.names.lock(context.Background(), r.name)
	if err != nil {
		return
	}
	defer unlock()
	persistent, err := ask(r, func() (bool, error) { return r.persistent, r.expired() })
	if err != nil {
		return
	}
	if persistent {
		if err := g.config.Store.DeleteRoom(r.name); err != nil {
			r.log.Error("an expired room could not be taken out of the store", "error", err)
			_ = tellRoom(r, func() error { r.idle = nil; return nil }) // and so wait once more
			return
		}
	}
	def, err := ask(r, func() (Definition, error) {
		if err := r.expired(); err != nil {
			return r.def, err
		}
		r.why, r.over = Reason{Code: ReasonExpired}, true
		return r.def, nil
	})
	if err == errInUse && persistent { // somebody came meanwhile
		if err := g.config.Store.SaveRoom(def); err != nil {
			r.log.Error("a room that was used again could not be saved", "error", err)
		}
	}
}

// errInUse never leaves this package.
var errInUse = &Error{Code: Internal, Op: "room", Message: "the room is in use"}

func (r *room) expired() error {
	if r.idle == nil || time.Since(r.idleSince) < r.def.EmptyTimeout {
		return errInUse
	}
	return nil
}

// nameLocks let changes of one name's definition follow each other, so that none has to
// hold up a room while it is saved. The zero value is ready.
type nameLocks struct {
	mu    sync.Mutex
	locks map[Name]*nameLock
}

type nameLock struct {
	held  chan struct{} // has an element while it is
	users int
}

// lock waits for its turn. Error: TimedOut if ctx ended first.
func (n *nameLocks) lock(ctx context.Context, name Name) (unlock func(), err error) {
	n.mu.Lock()
	if n.locks == nil {
		n.locks = make(map[Name]*nameLock)
	}
	l := n.locks[name]
	if l == nil {
		l = &nameLock{held: make(chan struct{}, 1)}
		n.locks[name] = l
	}
	l.users++
	n.mu.Unlock()
	leave := func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(n.locks, name)
		}
	}
	select {
	case l.held <- struct{}{}:
		return func() { <-l.held; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, &Error{Code: TimedOut, Op: "change room", Message: "another change of the room took too long", Err: ctx.Err()}
	}
}
