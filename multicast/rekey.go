package multicast

import (
	"errors"
	"time"

	"github.com/confd/confd/multicast/groupkey"
	"github.com/confd/confd/transport"
)

// Rekey has the stream go on under a new key, and returns the version of the description that
// has it. The key is described at once and used after lead, so that listeners have it when the
// first packet comes that needs it; feedback under it is taken at once. Until then the key in
// force is described, too, behind the one that comes: a player that takes only the first of them
// is silent for the lead, not from then on. Then the description changes once more. A further call meanwhile
// replaces it, and begins the lead anew, but once: who goes on calling does not keep the key
// before in force. It is Invalid for a group without SRTP.
func (g *Group) Rekey(lead time.Duration) (version uint64, err error) {
	if !g.spec.SRTP {
		return 0, invalid("srtp", "the group has no key: want srtp on")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.key = g.newKey()
	g.past.Rekeyed++
	g.changed()
	if p := g.live.Load(); p != nil {
		g.lead(p, lead)
	}
	return g.version, nil
}

// lead has the key that is described put in force later. The mutex is held.
func (g *Group) lead(p *plant, lead time.Duration) {
	err := p.control.Expect(*g.key, lead)
	if p.screen != nil {
		err = errors.Join(err, p.screen.control.Expect(*g.key, lead))
	}
	if err != nil {
		g.host.log.Error("feedback under a group's new key is not taken yet", "room", g.room, "group", g.place.Group, "error", err)
	}
	now := time.Now()
	if g.rekey == nil {
		g.latest = now.Add(2 * lead)
	} else {
		g.rekey.Stop()
	}
	if g.due = now.Add(lead); g.due.After(g.latest) {
		g.due = g.latest
	}
	g.rekey = time.AfterFunc(g.due.Sub(now), g.useKey)
}

// newKey makes a key whose identifier no key of the group had before: versions are of their own.
func (g *Group) newKey() *groupkey.Key {
	k := groupkey.New(transport.AES128CMHMACSHA180, uint32(g.host.next()))
	return &k
}

// useKey puts the key that is described in force, if its time has come.
func (g *Group) useKey() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Now().Before(g.due) {
		return // another key has come, and another timer
	}
	g.rekey = nil
	p := g.live.Load()
	if p == nil || p.key == g.key {
		return // what was opened since uses it from the start
	}
	p.key = g.key
	g.changed()
	err := errors.Join(p.stream.SetKey(*g.key), p.control.SetKey(*g.key))
	if s := p.screen; s != nil {
		err = errors.Join(err, s.pictures.SetKey(*g.key), s.control.SetKey(*g.key))
	}
	if err != nil {
		g.host.log.Error("a group goes on under the key before", "room", g.room, "group", g.place.Group, "error", err)
	}
}
