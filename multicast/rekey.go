package multicast

import (
	"errors"
	"time"

	"github.com/confd/confd/multicast/groupkey"
	"github.com/confd/confd/transport"
)

// keyLead is how long a new key is described before it is used, so that listeners have it
// when the first packet comes that needs it.
const keyLead = 2 * time.Second

// Rekey has the stream go on under a new key, and returns the version of the description that
// has it. The key is described at once and used two seconds later; a further call within
// those replaces it. It is Invalid for a group without SRTP.
func (g *Group) Rekey() (version uint64, err error) {
	if !g.spec.SRTP {
		return 0, invalid("srtp", "the group has no key: want srtp on")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.key = g.newKey()
	g.past.Rekeyed++
	g.changed()
	if g.rekey == nil && g.live.Load() != nil {
		g.rekey = time.AfterFunc(keyLead, g.useKey)
	}
	return g.version, nil
}

// newKey makes a key whose identifier no key of the group had before: versions are of their own.
func (g *Group) newKey() *groupkey.Key {
	k := groupkey.New(transport.AES128CMHMACSHA180, uint32(g.host.next()))
	return &k
}

// useKey puts the key that is described in force.
func (g *Group) useKey() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rekey = nil
	p := g.live.Load()
	if p == nil || p.key == g.key {
		return // what was opened since uses it from the start
	}
	p.key = g.key
	if err := errors.Join(p.stream.SetKey(*g.key), p.control.SetKey(*g.key)); err != nil {
		g.host.log.Error("a group goes on under the key before", "room", g.room, "group", g.place.Group, "error", err)
	}
}
