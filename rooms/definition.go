package rooms

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/confd/confd/multicast"
)

// Definition is a room that the API made. It is there without a conference, and survives a
// restart. With an EmptyTimeout it is deleted once it has been without participants for that
// long; without one it stays for ever. (A room that a call opened ends with its last
// participant, or its EmptyTimeout after that if somebody set one.)
type Definition struct {
	Name     Name      `json:"id"`
	Settings           // in force
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`
	Version  uint64    `json:"version"`
	// Place is that of the multicast group, which it gets again after a restart; nil without.
	Place *multicast.Place `json:"multicast_place,omitempty"`
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
		name = Name("r-" + strings.ToLower(rand.Text()[:10]))
	}
	if canonical, err := ParseName(string(name)); err != nil || canonical != name {
		return RoomSnapshot{}, wrong(op, "id", "%.80q is no canonical room name; %s", string(name), nameRule)
	}
	s = s.clone()
	if err := s.check(op, g.config.MaxPerRoom); err != nil {
		return RoomSnapshot{}, err
	}
	if err := g.checkVideo(op, &s.Video); err != nil {
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
	group, err := g.claim(op, &def)
	if err != nil {
		return RoomSnapshot{}, err
	}
	regroup := regrouping{changed: true, group: group}
	if err := g.config.Store.SaveRoom(def); err != nil {
		regroup.undo()
		return RoomSnapshot{}, unsaved(op, err)
	}
	snapshot, err := g.keep(def, regroup)
	if err != nil {
		regroup.undo()
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
func (g *Registry) keep(def Definition, n regrouping) (RoomSnapshot, error) {
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
			go r.run(func() { s <- r.keep(def, n) })
			return <-s, nil
		}
		if s, err := ask(r, func() (RoomSnapshot, error) { return r.keep(def, n), nil }); err == nil {
			return s, nil
		}
	}
}

// keep makes the room a persistent one.
func (r *room) keep(def Definition, n regrouping) RoomSnapshot {
	r.persistent = true
	r.define(def, n)
	r.tellOfRoom(Event{Kind: RoomCreated})
	r.tellGroup()
	r.log.Info("room created")
	return r.brief()
}

// define puts a definition into force.
func (r *room) define(def Definition, n regrouping) {
	if def.EmptyTimeout != r.def.EmptyTimeout {
		r.idle.cancel()
		r.idle = nil
	}
	r.def = def
	if r.stage != nil {
		r.stage.tune(r.tuning())
	}
	if r.video != nil {
		r.video.changed, r.video.voted = true, true
	}
	switch {
	case n.changed:
		r.setGroup(n.group)
	case r.group != nil:
		r.group.SetTitle(def.title())
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
		return wrong(op, "id", "%.80q is no canonical room name; %s", string(def.Name), nameRule)
	}
	def.MaxParticipants = min(def.MaxParticipants, g.config.MaxPerRoom) // the server's limit may have sunk
	def.Settings = def.Settings.clone()
	if err := def.Settings.check(op, g.config.MaxPerRoom); err != nil {
		return err
	}
	if _, err := g.find(def.Name); err == nil {
		return errorf(Exists, op, "room %q is there twice", def.Name)
	}
	regroup := g.reclaim(&def)
	_, err := g.keep(def, regroup)
	if err != nil {
		regroup.undo()
	}
	return err
}
