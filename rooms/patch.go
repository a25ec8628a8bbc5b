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
	return p.patch(ctx, change, ifVersion)
}

// errStale never leaves this package.
var errStale = &Error{Code: Conflict, Op: "patch participant", Message: "it has changed meanwhile"}

func (p *Participant) patch(ctx context.Context, change func(*ParticipantSettings) error, ifVersion *uint64) (ParticipantSnapshot, error) {
	const op = "patch participant"
	for {
		now, err := p.Snapshot()
		if err != nil {
			return now, err
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
			if p.version != now.Version {
				return nil, errStale
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

// MaxMixes is how many different mixes who hears whom may take in a room. Each costs about
// what a small room does.
const MaxMixes = 64

// set puts settings into force. It is called by the room's goroutine.
func (r *room) set(p *Participant, next ParticipantSettings) (ticked, error) {
	done := make(chan struct{})
	was := p.settings
	changed := !was.equal(next)
	p.settings = next
	c := change{done: func() { close(done) }}
	if changed {
		had := len(r.last)
		c.mixes = r.mixes()
		if n := len(c.mixes); n > MaxMixes && n > had {
			p.settings = was
			r.mixes()
			return nil, errorf(Full, "patch participant",
				"who hears whom would take %d different mixes in room %q, and %d are allowed: let more participants share their lists", n, r.name, MaxMixes)
		}
		p.version++
	}
	if p.connected() {
		if was.Muted != next.Muted || was.Held != next.Held || was.InputGain != next.InputGain {
			c.receive = p.receiving()
		}
		if was.OutputGain != next.OutputGain {
			c.send = p.sending()
		}
		p.setState()
		r.stage.change(&p.leg, c)
	} else {
		close(done)
	}
	if changed {
		r.tell(p, Event{Kind: ParticipantUpdated})
	}
	return done, nil
}

func (s ParticipantSettings) equal(o ParticipantSettings) bool { return reflect.DeepEqual(s, o) }
func (s Settings) equal(o Settings) bool                       { return reflect.DeepEqual(s, o) }
