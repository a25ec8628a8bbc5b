package rooms

import (
	"errors"
	"net/netip"
	"reflect"

	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast"
)

// GroupListener is what lists call a room's multicast group, which hears as a participant
// does: a HeardBy that does not name it keeps its participant out of the group's sound.
const GroupListener = "multicast"

// GroupSnapshot is a room's multicast group at one moment.
type GroupSnapshot struct {
	multicast.Place
	Source      netip.Addr // that it sends from; invalid as long as no interface is found
	Description uint64     // version of the session description
	Listeners   int        // participants that get the group instead of a stream of their own
	Audience    multicast.Audience
	Stats       multicast.GroupStats
	Pictured    media.VideoFormat // of its pictures, as described; zero while there are none
	Shows       string            // id of the participant whose picture it is to show
}

// regrouping is what a change of settings does to a room's group.
type regrouping struct {
	changed bool             // the room gets another group, or none any more
	group   *multicast.Group // the one that it gets; nil for none
}

// undo gives back what was claimed for a change that did not happen.
func (n regrouping) undo() {
	if n.group != nil {
		n.group.Release()
	}
}

// regroup claims what new settings ask for, and notes its place in the definition.
func (g *Registry) regroup(op string, was *multicast.Spec, def *Definition) (n regrouping, err error) {
	if reflect.DeepEqual(was, def.Multicast) {
		return n, nil
	}
	n.changed = true
	n.group, err = g.claim(op, def)
	return n, err
}

// claim gets a room the group that its definition asks for: nil if it asks for none.
func (g *Registry) claim(op string, def *Definition) (*multicast.Group, error) {
	keep := def.Place
	def.Place = nil
	if def.Multicast == nil {
		return nil, nil
	}
	if g.config.Groups == nil {
		return nil, wrong(op, "multicast", "this server has multicast switched off; multicast.enabled = true in its configuration switches it on")
	}
	group, err := g.config.Groups.Claim(string(def.Name), def.title(), *def.Multicast, keep)
	if err != nil {
		return nil, groupError(op, err)
	}
	place := group.Place()
	def.Place = &place
	return group, nil
}

// reclaim is claim for a room that comes back from a store: it does without its group, or
// takes another place, rather than not come back.
func (g *Registry) reclaim(def *Definition) regrouping {
	const op = "restore room"
	had := def.Place
	group, err := g.claim(op, def)
	log := g.config.Logger.With("room", string(def.Name))
	switch {
	case err != nil:
		def.Place = had // the cause may pass until the next start
		log.Error("a room is without its multicast group", "error", err)
	case had != nil && group != nil && *had != *def.Place:
		log.Warn("a room's multicast group has moved", "was", *had, "is", *def.Place)
		if err := g.config.Store.SaveRoom(*def); err != nil {
			log.Error("the place of a room's multicast group could not be saved", "error", err)
		}
	}
	return regrouping{changed: true, group: group}
}

// title is what descriptions call the room.
func (d *Definition) title() string {
	if d.DisplayName != "" {
		return d.DisplayName
	}
	return string(d.Name)
}

// groupError says what multicast found wrong in the words of this package.
func groupError(op string, err error) error {
	var e *multicast.Error
	if !errors.As(err, &e) {
		return &Error{Code: Internal, Op: op, Message: err.Error(), Err: err}
	}
	code := map[multicast.ErrorCode]ErrorCode{
		multicast.Invalid: Invalid, multicast.Taken: Conflict, multicast.Full: Full, multicast.Unavailable: Draining,
	}[e.Code]
	field := "multicast"
	if e.Field != "" {
		field += "." + e.Field
	}
	bare := *e
	bare.Field = ""
	return &Error{Code: code, Op: op, Field: field, Message: field + ": " + bare.Error(), Err: err}
}

// Group returns a room's multicast group. Error: NotFound if there is no such room, or it has
// none.
func (g *Registry) Group(name Name) (*multicast.Group, error) {
	r, err := g.find(name)
	if err != nil {
		return nil, err
	}
	return ask(r, r.hasGroup)
}

func (r *room) hasGroup() (*multicast.Group, error) {
	if r.group == nil {
		return nil, errorf(NotFound, "find multicast group", "room %q has no multicast group; its setting multicast gives it one", r.name)
	}
	return r.group, nil
}

// GroupMoved is to be called when a room's group has gone on from another source address.
func (g *Registry) GroupMoved(name Name) {
	if r, err := g.find(name); err == nil {
		_ = tellRoom(r, func() error { r.renew(); return nil }) // an error: it has ended
	}
}

// Rekey gives a room's multicast group a new key, which [RoomMulticast] tells. Errors:
// NotFound as Group, Conflict if the group has no key.
func (g *Registry) Rekey(name Name) (RoomSnapshot, error) {
	const op = "rekey"
	r, err := g.find(name)
	if err != nil {
		return RoomSnapshot{}, err
	}
	return ask(r, func() (RoomSnapshot, error) {
		group, err := r.hasGroup()
		if err != nil {
			return RoomSnapshot{}, err
		}
		if !group.Spec().SRTP {
			return RoomSnapshot{}, errorf(Conflict, op, "the group of room %q has no key; multicast.srtp = true gives it one", name)
		}
		if err := r.rekey(); err != nil {
			return RoomSnapshot{}, groupError(op, err)
		}
		return r.brief(), nil
	})
}
