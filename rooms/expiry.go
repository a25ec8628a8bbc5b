package rooms

import (
	"context"
	"time"
)

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
