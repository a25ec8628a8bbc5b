package rooms

import (
	"context"
	"reflect"
)

// PatchParticipant changes a participant's settings. change gets a copy of them, and more
// than one if another change comes in between; what it returns as an error, PatchParticipant
// returns. ifVersion, if not nil, is the version that the caller saw. It returns after the
// tick at which the change took effect. Errors: NotFound, Invalid, Conflict, Full (MaxMixes),
// TimedOut (the change still takes effect).
func (g *Registry) PatchParticipant(ctx context.Context, name Name, id string, change func(*ParticipantSettings) error, ifVersion *uint64) (ParticipantSnapshot, error) {
	p, err := g.Participant(name, id)
	if err != nil {
		return ParticipantSnapshot{}, err
	}
	s, err := p.patch(ctx, name, change, ifVersion)
	if err != nil {
		return s, err
	}
	if err := p.deliver(ctx); err != nil {
		return s, err
	}
	if now, err := p.Snapshot(); err == nil { // else it has left meanwhile
		s = now
	}
	return s, nil
}

// RemoveParticipant ends a participation as [Participant.Remove] does, if it is still of
// the version that the caller saw; ifVersion may be nil. Errors: NotFound, Conflict, TimedOut.
func (g *Registry) RemoveParticipant(ctx context.Context, name Name, id string, why Reason, ifVersion *uint64) error {
	const op = "remove participant"
	p, err := g.Participant(name, id)
	if err != nil {
		return err
	}
	err = tellOf(p, func(r *room) error {
		if r.name != name {
			return movedOn(name, id)
		}
		if err := sameVersion(op, p.version, ifVersion); err != nil {
			return err
		}
		r.remove(p, why, true)
		return nil
	})
	if err != nil {
		return err
	}
	return wait(ctx, p.gone, op)
}

// movedOn is what a verb gets that names a participant by a room it has left.
func movedOn(from Name, id string) error {
	return errorf(NotFound, "find participant", "nobody in room %q has the id %q: it has moved on", from, id)
}

// errStale never leaves this package.
var errStale = &Error{Code: Conflict, Op: "patch participant", Message: "it has changed meanwhile"}

// patch changes settings in one room, or wherever it is if in is "".
func (p *Participant) patch(ctx context.Context, in Name, change func(*ParticipantSettings) error, ifVersion *uint64) (ParticipantSnapshot, error) {
	const op = "patch participant"
	for {
		now, err := p.Snapshot()
		if err != nil {
			return now, err
		}
		if in != "" && now.Room != in {
			return now, movedOn(in, p.id)
		}
		if err := sameVersion(op, now.Version, ifVersion); err != nil {
			return now, err
		}
		next := now.ParticipantSettings
		if err := change(&next); err != nil {
			return now, err
		}
		next = next.clone() // the caller may keep what it put in
		if err := next.check(op); err != nil {
			return now, err
		}
		done, err := askOf(p, func(r *room) (ticked, error) {
			if p.version != now.Version || r.name != now.Room {
				return nil, errStale
			}
			if err := r.mayDeliver(p, &next); err != nil {
				return nil, err
			}
			done, err := r.set(p, next)
			now = p.snapshot()
			return done, err
		})
		if err == errStale {
			continue
		}
		if err != nil {
			return now, err
		}
		return now, wait(ctx, done, op)
	}
}

// MaxMixes is how many different mixes who hears whom may take in a room, those of who is
// still to come among them. Each costs about what a small room does.
const MaxMixes = 64

// set puts settings into force. It is called by the room's goroutine.
func (r *room) set(p *Participant, next ParticipantSettings) (ticked, error) {
	was, heard := p.settings, p.hearer()
	p.hushed = p.hushed && next.Muted
	p.settings = next
	lists := !reflect.DeepEqual(heard, p.hearer())
	if lists {
		if err := r.fits("patch participant"); err != nil {
			p.settings = was
			return nil, err
		}
	}
	done := make(chan struct{})
	if p.connected() {
		c := p.changeFrom(was)
		c.done = func() { close(done) }
		if lists || was.Pinned != next.Pinned {
			c.mixes = r.mixes()
		}
		p.setState()
		r.stage.change(&p.leg, c)
		r.noteState(p)
	} else {
		close(done)
	}
	if !was.equal(next) {
		p.version++
		r.tell(p, Event{Kind: ParticipantUpdated})
	}
	return done, nil
}

// changeFrom returns what the media plane has to know of new settings.
func (p *Participant) changeFrom(was ParticipantSettings) (c change) {
	now := &p.settings
	if was.Muted != now.Muted || was.Held != now.Held || was.InputGain != now.InputGain {
		c.receive = p.receiving()
	}
	if was.OutputGain != now.OutputGain {
		c.send = p.sending()
	}
	return c
}

func (s ParticipantSettings) equal(o ParticipantSettings) bool { return reflect.DeepEqual(s, o) }
func (s Settings) equal(o Settings) bool                       { return reflect.DeepEqual(s, o) }
