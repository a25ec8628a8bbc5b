package focus

import (
	"math/rand/v2"
	"strconv"

	"github.com/emiago/sipgo/sip"
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
	res, offered, bad := d.renegotiate(req)
	d.inviting.Store(false) // before the response: the next INVITE may follow at once
	if bad != nil {
		d.refuse(req, tx, bad)
		return
	}
	if err := d.agent.send(tx, res); err != nil {
		d.log.Debug("response to re-INVITE not sent", "error", err)
		return
	}
	d.awaitACK(req, tx, res, offered)
}

// onUpdate handles an UPDATE (RFC 3311).
func (d *dialog) onUpdate(req *sip.Request, tx *sip.ServerTx) {
	if !d.enter(req, tx) {
		return
	}
	defer d.mu.Unlock()
	res, _, bad := d.renegotiate(req)
	if bad != nil {
		d.refuse(req, tx, bad)
		return
	}
	if err := d.agent.send(tx, res); err != nil {
		d.log.Debug("response to UPDATE not sent", "error", err)
	}
}

// renegotiate does what an INVITE or UPDATE within the dialog asks, and makes the 200. If
// it is refused, the session is as it was. offered says that the 200 has an offer of ours.
// d.mu is held.
func (d *dialog) renegotiate(req *sip.Request) (res *sip.Response, offered bool, bad *status) {
	offer, err := sdpOf(req)
	if err != nil {
		return nil, false, bodyStatus(err)
	}
	isInvite := req.Method == sip.INVITE
	exchanges := isInvite || offer != nil
	if exchanges && (d.asking || d.ack != nil && d.ack.wantAnswer) {
		return nil, false, pendingStatus()
	}
	timer, bad := d.agent.grantTimer(req)
	if bad != nil {
		return nil, false, bad
	}
	var body []byte
	switch {
	case offer != nil:
		body, err = d.call.change(d.agent.ctx, offer)
	case isInvite:
		body, err = d.call.offer()
	}
	if err != nil {
		return nil, false, statusOf(err, d.here.Addr().String())
	}
	d.refreshTarget(req)
	res = d.answer(req, sip.StatusOK, timer.headers()...)
	setSDP(res, body)
	d.startTimer(timer)
	return res, isInvite && offer == nil, nil
}
