package focus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/emiago/sipgo/sip"

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

// strayed is what a peer did that accepted an offer of the group with something else: what it
// now sends and expects is not known.
type strayed struct{ why string }

func (s *strayed) Error() string { return "the answer is not the group: " + s.why }

// errCallEnded is why a peer cannot be moved any more.
var errCallEnded = errors.New("the call has ended")

// maxGlares is how often an offer is made again that met one of the peer's.
const maxGlares = 5

// deliver makes one move. Force makes the offer even if, for all we know, the peer is there.
func (d *dialog) deliver(ctx context.Context, multicast, force bool) error {
	for try := 1; ; try++ {
		req, err := d.proposeMove(ctx, multicast, force)
		if req == nil || err != nil {
			return err
		}
		res, err := d.transact(req, d.sendACK)
		if err == nil && res.IsSuccess() {
			d.sendACK(res)
		}
		again, err := d.moved(res, err, multicast)
		if !again || try == maxGlares {
			return err
		}
		select {
		case <-time.After(glareWait()):
		case <-ctx.Done():
			return err
		}
	}
}

// proposeMove makes the re-INVITE, as soon as no other offer is under way; nil if there is
// nothing to move.
func (d *dialog) proposeMove(ctx context.Context, multicast, force bool) (*sip.Request, error) {
	if err := d.lockForOffer(ctx); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	c := d.call
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
	body, err := c.propose(offer)
	if err != nil {
		return nil, err
	}
	req := d.request(sip.INVITE, d.timerHeaders()...)
	setSDP(req, body)
	d.asking = true
	return req, nil
}

// lockForOffer locks the dialog when its call stands and no exchange is under way. Error: the
// call has ended, or ctx has.
func (d *dialog) lockForOffer(ctx context.Context) error {
	for {
		d.mu.Lock()
		switch {
		case d.state == stateEnded:
			d.mu.Unlock()
			return errCallEnded
		case d.state == stateConfirmed && !d.asking && d.ack == nil:
			return nil
		}
		progress := d.progress()
		d.mu.Unlock()
		select {
		case <-progress:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-d.agent.ctx.Done():
			return errCallEnded
		}
	}
}

// moved takes the outcome of a re-INVITE of proposeMove. Again says that it is worth another
// try, later.
func (d *dialog) moved(res *sip.Response, err error, multicast bool) (again bool, _ error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asking = false
	d.advance()
	switch {
	case d.state == stateEnded:
		return false, errCallEnded
	case err != nil: // it may not like the offer: probes and timers find out whether it lives
		d.call.withdraw()
		return false, fmt.Errorf("no answer to the re-INVITE: %w", err)
	case !res.IsSuccess():
		d.call.withdraw()
		return d.unmoved(res)
	}
	d.refreshTarget(res)
	d.keepTimer(res, d.session.ours)
	if bad := d.acceptAnswer(res); bad != nil {
		return false, &strayed{bad.why}
	}
	if multicast && !d.call.delivered {
		d.joinedGroup()
	} else if !multicast {
		d.call.reports.stop()
	}
	d.call.delivered = multicast
	return false, nil
}

// unmoved takes a refusal. d.mu is held.
func (d *dialog) unmoved(res *sip.Response) (again bool, _ error) {
	switch code := res.StatusCode; code {
	case sip.StatusRequestPending:
		again = true
	case 422:
		again = d.takeMinSE(res)
	case sip.StatusCallTransactionDoesNotExists:
		d.agent.spawn(func() { d.unreachable("re-INVITE") })
	}
	return again, fmt.Errorf("the peer refused: %d %s", res.StatusCode, bounded(res.Reason))
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
