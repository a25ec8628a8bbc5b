package focus

import (
	"errors"
	"math/rand/v2"
	"strconv"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/focus/offeranswer"
)

// pendingStatus refuses an offer that meets one under way (RFC 3261 section 14.2, RFC 3311
// section 5.2).
func pendingStatus() *status {
	return refusal(sip.StatusRequestPending, "another offer is under way")
}

// onReinvite handles an INVITE within the dialog (RFC 3261 section 14.2, RFC 6141).
func (d *dialog) onReinvite(req *sip.Request, tx *sip.ServerTx) {
	if !d.inviting.CompareAndSwap(false, true) {
		d.refuse(req, tx, refusal(sip.StatusInternalServerError, "an earlier INVITE has no final response yet",
			sip.NewHeader("Retry-After", strconv.Itoa(rand.IntN(11)))))
		return
	}
	if !d.enter(req, tx) {
		d.inviting.Store(false)
		return
	}
	defer d.mu.Unlock()
	c, bad := d.renegotiate(req)
	d.inviting.Store(false) // before the response: the next INVITE may follow at once
	if bad != nil {
		d.refuse(req, tx, bad)
		return
	}
	if err := d.agent.send(tx, c.res); err != nil {
		d.log.Debug("response to re-INVITE not sent", "error", err)
		if errors.Is(err, sip.ErrTransactionCanceled) {
			d.undo(c)
		}
		return
	}
	d.conclude(req, c)
	d.awaitACK(req, tx, c.res, c.offered)
}

// onUpdate handles an UPDATE (RFC 3311).
func (d *dialog) onUpdate(req *sip.Request, tx *sip.ServerTx) {
	if !d.enter(req, tx) {
		return
	}
	defer d.mu.Unlock()
	c, bad := d.renegotiate(req)
	if bad != nil {
		d.refuse(req, tx, bad)
		return
	}
	d.conclude(req, c)
	if err := d.agent.send(tx, c.res); err != nil {
		d.log.Debug("response to UPDATE not sent", "error", err)
	}
}

// changed is an INVITE or UPDATE within the dialog that can be answered.
type changed struct {
	res     *sip.Response // the 200
	offered bool          // it has an offer of ours
	timer   grant
	before  *offeranswer.State // what was in force
}

// renegotiate does to the media what an INVITE or UPDATE within the dialog asks, and makes
// the 200. If it is refused, the session is as it was. d.mu is held.
func (d *dialog) renegotiate(req *sip.Request) (c changed, bad *status) {
	offer, err := sdpOf(req)
	if err != nil {
		return c, bodyStatus(err)
	}
	isInvite := req.Method == sip.INVITE
	exchanges := isInvite || offer != nil
	if exchanges && (d.asking || d.ack != nil && d.ack.wantAnswer) {
		return c, pendingStatus()
	}
	if c.timer, bad = d.agent.grantTimer(req); bad != nil {
		return c, bad
	}
	c.before = d.call.state
	d.lookAtGroup(offer)
	if exchanges {
		d.call.expectVideo(d.call.part.Room(), offer)
	}
	var body []byte
	switch {
	case offer != nil:
		body, err = d.call.change(d.agent.ctx, offer)
	case isInvite:
		body, err = d.call.offer()
		c.offered = true
	}
	if err != nil {
		d.call.trimVideo()
		return c, statusOf(err, d.here.Addr().String())
	}
	c.res = d.answer(req, sip.StatusOK, c.timer.headers()...)
	setSDP(c.res, body)
	return c, nil
}

// conclude does the rest of what a request asks that is answered with 200. d.mu is held.
func (d *dialog) conclude(req *sip.Request, c changed) {
	d.call.trimVideo()
	d.refreshTarget(req)
	d.startTimer(c.timer)
	d.tellDelivery()
}

// undo takes back the media of a re-INVITE that a CANCEL overtook: the peer has a 487, which
// says that the session is as it was (RFC 6141 section 3.1). d.mu is held.
func (d *dialog) undo(c changed) {
	if err := d.call.revert(d.agent.ctx, c.before); err != nil {
		d.log.Info("the media before a cancelled re-INVITE could not be restored", "error", err)
	}
	d.call.trimVideo()
}
