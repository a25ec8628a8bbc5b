package focus

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/confd/confd/focus/offeranswer"
	"github.com/confd/confd/mixer"
	"github.com/confd/confd/multicast"
	"github.com/confd/confd/rooms"
)

// roomGroup is a room's multicast group as it is described at one moment.
type roomGroup struct {
	*multicast.Group
	described *offeranswer.Group
}

// group returns a room's group with its key, nil if it has none that can be described. Who
// gets a description is in the room, or is about to be.
func (a *Agent) group(room rooms.Name) *roomGroup {
	g, err := a.cfg.Registry.Group(room)
	if err != nil {
		return nil
	}
	sdp := g.Sound()
	if sdp == nil {
		return nil
	}
	described, err := offeranswer.ParseGroup(sdp)
	if err != nil {
		a.log.Error("a room's multicast group cannot be offered", "room", string(room), "error", err)
		return nil
	}
	return &roomGroup{g, described}
}

// asksForGroup tells whether the user part of a request's address has the parameter
// multicast: sip:room;multicast@host.
func asksForGroup(user string) bool {
	_, params, _ := strings.Cut(user, ";")
	for p := range strings.SplitSeq(params, ";") {
		if strings.EqualFold(p, "multicast") {
			return true
		}
	}
	return false
}

// mayHear is the group that an INVITE's media may be, and whether it is to be offered. Most
// calls have nothing to do with groups, and nobody is asked for them.
func (a *Agent) mayHear(in incoming) (g *roomGroup, offer bool) {
	if in.offer != nil && !offeranswer.NamesGroup(in.offer) {
		return nil, false
	}
	if g = a.group(in.room); g == nil {
		return nil, false
	}
	return g, in.offer == nil && (in.listens || g.Spec().Offer == multicast.OfferAlways)
}

// setGroup has the next exchange know the group; nil is none.
func (c *call) setGroup(g *roomGroup) {
	c.local.Group = nil
	if c.state != nil && !c.listens() {
		n := c.state.Negotiated()
		c.unicast = n.RemoteRTP.Addr()
	}
	if g != nil {
		c.group, c.local.Group = g, g.described
	}
}

// listens tells whether the peer listens to the group in place of a stream of its own.
func (c *call) listens() bool {
	return c.state.Group() != nil
}

// lookAtGroup prepares the call for an exchange that may be about the group: offer is the
// peer's, nil if there is none. d.mu is held.
func (d *dialog) lookAtGroup(offer []byte) {
	if c := d.call; c.listens() || offeranswer.NamesGroup(offer) {
		c.setGroup(d.agent.group(c.part.Room()))
	}
}

// groupSend is what the mixer needs to know of the egress of who listens to the group: there is
// none, but a sink is of some class, and the group's costs nothing.
func (c *call) groupSend() mixer.OutputConfig {
	return mixer.OutputConfig{Format: c.group.Format(), PayloadType: c.group.PayloadType()}
}

// tellDelivery tells the room what the peer has agreed to by itself. d.mu is held.
func (d *dialog) tellDelivery() {
	c := d.call
	if c == nil || c.state == nil || c.listens() == c.delivered {
		return
	}
	c.delivered = c.listens()
	n := c.state.Negotiated()
	switch {
	case c.delivered:
		c.part.SetDelivered(true)
		d.joinedGroup()
	case n.Direction.Receives():
		c.reports.stop()
		c.part.Speak()
	default:
		c.reports.stop()
		c.part.SetDelivered(false)
	}
}

// joinedGroup follows an exchange by which the peer listens to the group. d.mu is held.
func (d *dialog) joinedGroup() {
	d.agent.count.groupJoined.Add(1)
	d.expectReport()
}

// listenLater moves a caller to the group that has asked for it in the address of a call with
// an offer of its own, now that its call stands.
func (d *dialog) listenLater(part *rooms.Participant) {
	if err := d.setDelivery(part, rooms.DeliverMulticast); err != nil {
		d.log.Info("a caller that asked for the group is served by unicast", "error", err)
	}
}

// setDelivery has the room move a participant. It comes back by Deliver, so d.mu is not held.
func (d *dialog) setDelivery(part *rooms.Participant, to rooms.Delivery) error {
	ctx, cancel := context.WithTimeout(d.agent.ctx, deliverTimeout)
	defer cancel()
	_, err := d.agent.cfg.Registry.PatchParticipant(ctx, part.Room(), part.ID(),
		func(s *rooms.ParticipantSettings) error { s.Delivery = to; return nil }, nil)
	return err
}

// deliverTimeout is more than an INVITE takes that is not answered.
const deliverTimeout = 40 * time.Second

// pacer spaces what a room may want of hundreds of dialogs at once, such as to tell them a new
// key: one after the other, so long apart.
type pacer struct {
	mu   sync.Mutex
	next time.Time
}

// wait returns when it is the caller's turn. Error: ctx has ended.
func (p *pacer) wait(ctx context.Context, apart time.Duration) error {
	p.mu.Lock()
	now := time.Now()
	if p.next.Before(now) {
		p.next = now
	}
	turn := time.Until(p.next)
	p.next = p.next.Add(apart)
	p.mu.Unlock()
	select {
	case <-time.After(turn):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
