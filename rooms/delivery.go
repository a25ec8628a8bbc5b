package rooms

import (
	"context"
	"time"
)

// Delivery says how a participant gets what it hears.
type Delivery string

// The kinds of delivery. Empty is unicast.
const (
	DeliverUnicast   Delivery = "unicast"   // a stream of its own
	DeliverMulticast Delivery = "multicast" // the room's group, while it is muted
)

// Deliverer is a [Call] that can have its peer listen to the room's multicast group.
type Deliverer interface {
	Call
	// Deliver moves the peer to the group, or back to a stream of its own, and returns when
	// it has agreed; after that the participant's sink sends only what its stream is for. It
	// is called again for a peer that listens to the group when its description has changed.
	// One call at a time, by no room's goroutine. An error says why the peer stays as it
	// was: it is then served by unicast, and not asked again. Signalling moves one peer after
	// the other to a group, [DeliveryPace] apart.
	Deliver(ctx context.Context, multicast bool) error
}

// DeliveryPace is how far apart peers are told of a group, or of its new key, so that a large
// audience is no burst of signalling.
const DeliveryPace = 20 * time.Millisecond

// deliveryTimeout is how long signalling may take to move a listener: 200 s until the last
// of 10,000 is told, and as long as an INVITE may take.
const deliveryTimeout = 4 * time.Minute

// mayDeliver says why a participant cannot have the delivery that is asked for, and mutes who
// is to begin with the group.
func (r *room) mayDeliver(p *Participant, next *ParticipantSettings) error {
	const op = "patch participant"
	if next.Delivery != DeliverMulticast || p.settings.Delivery == DeliverMulticast {
		return nil
	}
	if _, ok := p.call.(Deliverer); !ok {
		return wrong(op, "delivery", "its signalling can only deliver by unicast")
	}
	if r.group == nil {
		return wrong(op, "delivery", "room %q has no multicast group; its setting multicast gives it one", r.name)
	}
	p.hushed, next.Muted = p.hushed || !next.Muted, true
	return nil
}

// wantsGroup tells whether p is to listen to the group: it was asked to, and says nothing.
func (r *room) wantsGroup(p *Participant) bool {
	return r.group != nil && p.settings.Delivery == DeliverMulticast && p.settings.Muted
}

// deliver has signalling bring a participant to where its settings want it, and returns when
// it is there. Error: what the peer had against it; it is then served by unicast.
func (p *Participant) deliver(ctx context.Context) error {
	p.delivering.Lock()
	defer p.delivering.Unlock()
	type order struct {
		call  Deliverer
		group bool
		room  *room
		about uint64 // renewal of its group
	}
	o, err := askOf(p, func(r *room) (o order, _ error) {
		call, ok := p.call.(Deliverer)
		o.group, o.room, o.about = r.wantsGroup(p), r, r.renewed
		if ok && (o.group != p.onGroup || o.group && o.about != p.described) {
			o.call = call
			p.hasKey = p.hasKey || o.group // or will in a moment
		}
		return o, nil
	})
	if err != nil || o.call == nil {
		return nil // there is nothing to do, or nobody to do it for
	}
	refused := o.call.Deliver(ctx, o.group)
	_ = tellOf(p, func(r *room) error {
		if refused != nil {
			r.fallBack(p)
		} else {
			r.delivered(p, o.group)
			p.described = o.about
			if r != o.room || r.renewed != o.about { // what it was moved to is no longer what it should be
				p.described = 0
				p.deliverSoon()
			}
		}
		return nil
	})
	if refused == nil {
		return nil
	}
	p.room.Load().log.Info("a listener stays on unicast", "participant", p.id, "error", refused)
	return &Error{Code: Conflict, Op: "deliver", Field: "delivery", Message: "delivery: it is served by unicast: " + refused.Error(), Err: refused}
}

// SetDelivered tells the room what signalling has agreed with the peer by itself: that it
// listens to the group from now on, or, as it came to nothing, no longer does. In the second
// case its delivery is set to unicast.
func (p *Participant) SetDelivered(multicast bool) {
	_ = tellOf(p, func(r *room) error {
		switch {
		case !multicast:
			r.fallBack(p)
		case r.group != nil:
			next := p.settings
			p.hushed = p.hushed || !next.Muted
			next.Delivery, next.Muted = DeliverMulticast, true
			p.described = r.renewed
			if _, err := r.set(p, next); err != nil { // it does not change any list
				return err
			}
			r.delivered(p, true)
		}
		return nil
	})
}

// Speak tells the room that the peer has left the group for a stream of its own, to say
// something. If nothing but the group muted it, it is heard from now on, and goes back to the
// group when it is muted again. Whom the API muted stays muted, on unicast.
func (p *Participant) Speak() {
	_ = tellOf(p, func(r *room) error {
		if !p.hushed {
			r.fallBack(p)
			return nil
		}
		next := p.settings
		next.Muted = false
		if _, err := r.set(p, next); err != nil { // it does not change any list
			return err
		}
		r.delivered(p, false)
		return nil
	})
}

// What follows is called by the room's goroutine.

// deliverAll looks after everyone whose delivery the group, or its description, has changed.
func (r *room) deliverAll() {
	for _, p := range r.participants {
		if p.onGroup || r.wantsGroup(p) {
			p.deliverSoon()
		}
	}
}

// deliverSoon is deliver for when nobody waits. Its goroutine ends with the timeout.
func (p *Participant) deliverSoon() {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), deliveryTimeout)
		defer cancel()
		_ = p.deliver(ctx) // which has logged it
	}()
}

// delivered notes where p listens.
func (r *room) delivered(p *Participant, group bool) {
	if p.onGroup == group {
		return
	}
	p.onGroup = group
	p.hasKey = p.hasKey || group
	r.tell(p, Event{Kind: ParticipantUpdated})
}

// fallBack has p served by unicast, and not asked for anything else again. If nothing but the
// group muted it, it is heard again.
func (r *room) fallBack(p *Participant) {
	was := p.onGroup
	p.onGroup = false
	if p.settings.Delivery == DeliverMulticast {
		next := p.settings
		next.Delivery, next.Muted = "", next.Muted && !p.hushed
		_, _ = r.set(p, next) // it does not change any list
	} else if was {
		r.tell(p, Event{Kind: ParticipantUpdated})
	}
	p.hushed = false
}

// forgetListener gives the group a new key if one is gone who had it.
func (r *room) forgetListener(p *Participant, why Reason) {
	taken := why.Code == ReasonRemoved || why.Code == ReasonMoved
	if !p.hasKey || r.group == nil || !taken || !r.group.Spec().SRTP {
		return
	}
	p.hasKey = false
	if err := r.rekey(); err != nil {
		r.log.Error("a removed listener keeps the key of the multicast group", "participant", p.id, "error", err)
	}
}
