package rooms

import (
	"time"

	"github.com/confd/confd/mixer"
	"github.com/confd/confd/multicast"
)

// What follows is called by the room's goroutine.

// setGroup puts another group in the place of the one that there is, or none.
func (r *room) setGroup(next *multicast.Group) {
	r.dropGroup()
	r.group = next
	r.onAir()
	r.renewed++
	r.deliverAll()
}

// dropGroup gives the group back, if there is one.
func (r *room) dropGroup() {
	if r.group == nil {
		return
	}
	r.offAir()
	r.group.Release()
	r.group = nil
}

// onAir opens the group, if there is one and a conference to send, and hangs it on the mix. What
// cannot be opened is tried again when somebody joins.
func (r *room) onAir() {
	if r.group == nil || r.stage == nil || r.broadcast != nil {
		return
	}
	if err := r.group.Open(); err != nil {
		if !r.silent {
			r.log.Error("the room's multicast group cannot send", "error", err)
		}
		r.silent = true
		return
	}
	r.silent = false
	r.broadcast = &leg{out: mixer.NewOutput(r.group, mixer.OutputConfig{PayloadType: r.group.PayloadType(), Format: r.group.Format()})}
	r.stage.attach(r.broadcast, change{mixes: r.mixes()})
	if r.video != nil {
		r.video.changed = true
	}
	r.log.Info("multicast group opened", "group", r.group.Place().Group, "port", r.group.Place().Port)
}

// offAir ends what the group sends, with a BYE behind its last packet: what the mix has for it
// until the tick that takes it off is dropped.
func (r *room) offAir() {
	if r.broadcast == nil {
		return
	}
	l := r.broadcast
	r.broadcast = nil
	r.group.Close()
	r.detaching.Add(1)
	r.stage.detach(l, change{mixes: r.mixes(), done: r.detaching.Done})
	r.log.Info("multicast group closed", "group", r.group.Place().Group, "port", r.group.Place().Port)
}

// groupHearer is what the group is to lists.
func groupHearer() hearer { return hearer{id: GroupListener, listens: true} }

// How long a new key is known before it is used: until who follows the room's events has it, and
// the phones, which are told one after the other.
const (
	leastLead = 2 * time.Second
	mostLead  = 30 * time.Second // past it, who was removed would listen for too long
)

// keyLead is that of a group with so many phones.
func keyLead(listeners int) time.Duration {
	return min(leastLead+time.Duration(listeners)*DeliveryPace, mostLead)
}

// rekey gives the group a new key.
func (r *room) rekey() error {
	if _, err := r.group.Rekey(keyLead(r.listeners())); err != nil {
		return err
	}
	r.renew()
	return nil
}

// renew tells everyone who listens to the group that its key or its source is another.
func (r *room) renew() {
	r.renewed++
	r.tellGroup()
	r.deliverAll()
}

// tellGroup tells of another group or another description, once each.
func (r *room) tellGroup() {
	var version uint64
	if r.group != nil {
		_, version = r.group.Description(false)
	}
	if version == r.described {
		return
	}
	r.described = version
	r.tellOfRoom(Event{Kind: RoomMulticast})
}

// groupSnapshot is nil without a group.
func (r *room) groupSnapshot() *GroupSnapshot {
	if r.group == nil {
		return nil
	}
	s := &GroupSnapshot{Place: r.group.Place(), Source: r.group.Source(), Audience: r.group.Audience(), Stats: r.group.Stats()}
	_, s.Description = r.group.Description(false)
	s.Listeners, s.Pictured = r.listeners(), r.group.Pictured()
	if r.video != nil && r.video.group != nil && r.video.group.shows != nil {
		s.Shows = r.video.group.shows.of.id
	}
	return s
}

// listeners counts the participants that listen to the group.
func (r *room) listeners() (n int) {
	for _, p := range r.participants {
		if p.onGroup {
			n++
		}
	}
	return n
}
