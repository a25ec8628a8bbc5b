package focus

import (
	"context"
	"errors"

	"github.com/confd/confd/focus/offeranswer"
	"github.com/confd/confd/rooms"
)

// Deliver implements rooms.Deliverer: it moves the peer to the room's group, or back to a
// stream of its own, by a re-INVITE. Who listens already is told of a new description. If the
// peer refuses, or does not answer, the session is as it was; if it accepts with anything but
// the group (RFC 3264 section 6.2), it is given a stream of its own by another re-INVITE.
func (d *dialog) Deliver(ctx context.Context, multicast bool) error {
	if multicast {
		if err := d.agent.offers.wait(ctx, rooms.DeliveryPace); err != nil {
			return err
		}
	}
	err := d.deliver(ctx, multicast, false)
	if !multicast || err == nil {
		return err
	}
	d.agent.count.groupRefused.Add(1)
	if back := d.deliver(ctx, false, errors.As(err, new(*strayed))); back != nil {
		d.log.Info("a listener cannot be brought back from the group", "error", back)
		return errors.Join(err, back)
	}
	return err
}

// deliver makes one move. Force makes the offer even if, for all we know, the peer is there.
func (d *dialog) deliver(ctx context.Context, multicast, force bool) error {
	return d.negotiate(ctx, proposal{
		make:  func(c *call) ([]byte, error) { return d.proposeMove(c, multicast, force) },
		taken: func(c *call) { d.moved(c, multicast) },
	})
}

// proposeMove makes the offer of a move, nil if there is nothing to move. d.mu is held.
func (d *dialog) proposeMove(c *call, multicast, force bool) ([]byte, error) {
	c.setGroup(d.agent.group(c.part.Room()))
	offer := offeranswer.Offer
	if multicast {
		offer = offeranswer.OfferGroup
	}
	switch {
	case multicast && c.local.Group == nil:
		return nil, errors.New("the room has no multicast group that could be offered")
	case !force && c.listens() == multicast && (!multicast || c.local.Group.Equal(c.state.Group())):
		return nil, nil
	}
	c.expectVideo(c.part.Room(), nil)
	return c.propose(offer)
}

// moved follows an answer that agrees to a move. d.mu is held.
func (d *dialog) moved(c *call, multicast bool) {
	if multicast && !c.delivered {
		d.joinedGroup()
	} else if !multicast {
		c.reports.stop()
	}
	c.delivered = multicast
}

// bringBack gives a peer a stream of its own that answered an offer of the group with something
// else, and tells the room; if that fails, too, the call cannot be.
func (d *dialog) bringBack(why string) {
	d.agent.count.groupRefused.Add(1)
	d.log.Info("an answer is not the group that was offered", "error", why)
	ctx, cancel := context.WithTimeout(d.agent.ctx, deliverTimeout)
	defer cancel()
	if err := d.deliver(ctx, false, true); err != nil {
		d.end(rooms.Reason{Code: rooms.ReasonProtocolError, Text: "Answer to the offer of the group: " + why}, hangUp)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.call != nil {
		d.call.part.SetDelivered(false)
	}
}
