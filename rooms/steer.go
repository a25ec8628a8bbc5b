package rooms

import (
	"context"
	"strings"
	"time"
)

// Get returns what a room is like now, without its participants, who may be many: see
// [Registry.Views]. Error: NotFound.
func (g *Registry) Get(name Name) (RoomSnapshot, error) {
	r, err := g.find(name)
	if err != nil {
		return RoomSnapshot{}, err
	}
	return ask(r, r.asked)
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
	now, err := ask(r, r.asked)
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
	if err := g.checkVideo(op, &next.Video); err != nil {
		return RoomSnapshot{}, err
	}
	def := Definition{Name: name, Settings: next, Created: now.Created, Updated: time.Now().UTC(), Version: now.Version + 1, Place: now.place}
	regroup, err := g.regroup(op, now.Multicast, &def)
	if err != nil {
		return RoomSnapshot{}, err
	}
	if now.Persistent {
		if err := g.config.Store.SaveRoom(def); err != nil {
			regroup.undo()
			return RoomSnapshot{}, unsaved(op, err)
		}
	}
	s, err := ask(r, func() (RoomSnapshot, error) {
		r.define(def, regroup)
		r.tellOfRoom(Event{Kind: RoomUpdated})
		r.tellGroup()
		return r.brief(), nil
	})
	if err != nil {
		regroup.undo()
		return RoomSnapshot{}, missing(name)
	}
	return s, nil
}

func sameVersion(op string, is uint64, want *uint64) error {
	if want == nil || *want == is {
		return nil
	}
	return errorf(Conflict, op, "it is at version %d, not %d: read it again, and go on from what you find", is, *want)
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
	s, err := ask(r, r.asked)
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
