package focus

import (
	"errors"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/rooms"
)

// ackWait is a 200 to INVITE that has no ACK yet. The transaction does not resend it (RFC
// 6026): we do, after T1, 2*T1, 4*T1 ... at most T2, for 64*T1 in all, over any transport,
// because the way to the caller may have hops of another (RFC 3261 section 13.3.1.4).
type ackWait struct {
	seq        uint32
	tx         *sip.ServerTx
	res        *sip.Response
	every      time.Duration
	deadline   time.Time
	timer      *time.Timer
	wantAnswer bool          // the 200 held our offer
	done       chan struct{} // closed when the waiting is over
}

// awaitACK is called once a 200 has been sent. d.mu is held.
func (d *dialog) awaitACK(req *sip.Request, tx *sip.ServerTx, res *sip.Response, wantAnswer bool) {
	d.settleACK() // a peer that starts the next exchange has seen the 200 before
	w := &ackWait{
		seq: req.CSeq().SeqNo, tx: tx, res: res, wantAnswer: wantAnswer,
		every: sip.T1, deadline: time.Now().Add(64 * sip.T1), done: make(chan struct{}),
	}
	d.ack = w
	w.timer = time.AfterFunc(w.every, func() { d.agent.onTimer(func() { d.resend(w) }) })
	// An ACK of its own branch comes through onRequest. Some old clients give it the
	// branch of the INVITE; that one the transaction takes.
	d.agent.spawn(func() {
		select {
		case ack := <-tx.Acks():
			d.onACK(ack)
		case <-w.done:
		case <-tx.Done():
		case <-d.agent.ctx.Done():
		}
	})
}

// settleACK ends the waiting. d.mu is held.
func (d *dialog) settleACK() {
	if w := d.ack; w != nil {
		d.ack = nil
		w.timer.Stop()
		close(w.done)
		d.advance()
	}
}

// resend runs when a timer of w fires.
func (d *dialog) resend(w *ackWait) {
	d.mu.Lock()
	if d.ack != w {
		d.mu.Unlock()
		return
	}
	left := time.Until(w.deadline)
	if left <= 0 {
		d.settleACK()
		d.mu.Unlock()
		d.noACK()
		return
	}
	if err := w.tx.Respond(w.res); err == nil {
		d.agent.count.resent.Add(1)
	}
	w.every = min(2*w.every, sip.T2)
	w.timer.Reset(min(w.every, left))
	d.mu.Unlock()
}

// noACK ends a call whose 200 was never acknowledged.
func (d *dialog) noACK() {
	d.agent.count.noACK.Add(1)
	d.log.Info("no ACK for the 200")
	d.end(rooms.Reason{Code: rooms.ReasonTimedOut, Text: "No ACK received"}, hangUp)
}

// onACK finds the dialog of an ACK that has a branch of its own.
func (a *Agent) onACK(req *sip.Request) {
	if req.CallID() == nil || req.CSeq() == nil {
		return
	}
	if d := a.dialogs.get(keyOf(req)); d != nil {
		d.onACK(req)
	}
}

// onACK ends the waiting for it, and takes the answer in it to an offer of ours.
func (d *dialog) onACK(req *sip.Request) {
	d.heard.Store(clock.Now())
	ended, bad := d.acknowledged(req)
	switch stray := new(strayed); {
	case ended:
		d.sayGoodbye()
	case errors.As(bad, &stray):
		d.agent.spawn(func() { d.bringBack(stray.why) })
	case bad != nil:
		d.log.Info("the answer in the ACK cannot be used", "error", statusOf(bad, "").why)
		d.end(rooms.Reason{Code: rooms.ReasonProtocolError, Text: "Answer in ACK: " + statusOf(bad, "").why}, hangUp)
	}
}

// acknowledged does what onACK says under the lock. ended tells that the call has ended
// meanwhile, bad why the answer cannot be used: a *strayed if the group was offered.
func (d *dialog) acknowledged(req *sip.Request) (ended bool, bad error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := d.ack
	if w == nil || req.CSeq().SeqNo != w.seq {
		return false, nil // repeated, or late
	}
	d.settleACK()
	switch {
	case d.state == stateEnded:
		return true, nil
	case d.state == stateAnswered:
		d.state = stateConfirmed
	}
	if keyOf(req) == d.key { // who knows our tag has had our answer, at the address that it came from
		d.call.vouch(d.source.Addr())
	}
	if w.wantAnswer {
		if bad = d.takeAnswer(req); bad != nil {
			return false, bad
		}
		d.narrowVideo()
	}
	if part := d.call.part; d.listens && !d.call.listens() {
		d.agent.spawn(func() { d.listenLater(part) })
	}
	d.listens = false
	return false, nil
}

// takeAnswer is acceptAnswer, and tells the room what it did to delivery. The error is a
// *strayed if the group was offered. d.mu is held.
func (d *dialog) takeAnswer(m bodied) error {
	o := d.call.pending
	bad := d.acceptAnswer(m)
	switch {
	case bad == nil:
		d.tellDelivery()
		return nil
	case o != nil && o.Group() != nil:
		return &strayed{bad.why}
	}
	return bad
}

// acceptAnswer applies the answer that an ACK or a 200 carries to our last offer. d.mu is
// held.
func (d *dialog) acceptAnswer(req bodied) *status {
	sdp, err := sdpOf(req)
	if err == nil && sdp == nil {
		return refusal(sip.StatusBadRequest, "it has no session description")
	}
	if err == nil {
		err = d.call.accept(d.agent.ctx, sdp)
	}
	if err != nil {
		return statusOf(err, d.here.Addr().String())
	}
	return nil
}
