package focus

import (
	"context"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/rooms"
)

// farewell is how a call's end is told to the peer.
type farewell uint8

const (
	silent    farewell = iota // not at all: it hung up itself, or never had a 200
	hangUp                    // BYE, after the ACK of the 200 (RFC 3261 section 15)
	hangUpNow                 // BYE at once: the agent closes
)

// leaveTimeout bounds the wait for the media plane to let go of a leg: one tick, unless
// something is badly wrong.
const leaveTimeout = 10 * time.Second

// End implements rooms.Call: the room has taken the participant out.
func (d *dialog) End(why rooms.Reason) {
	d.agent.spawn(func() { d.end(why, hangUp) })
}

// end ends the call, once: no more timers, out of the room, ports given back, BYE. d.mu is
// not held.
func (d *dialog) end(why rooms.Reason, how farewell) {
	d.mu.Lock()
	if d.state == stateEnded {
		d.endAgain(how)
		return
	}
	if o := d.early.Load(); o != nil {
		d.mu.Unlock()
		o.Cancel(why)
		return
	}
	finish := d.beginEnd(why, how)
	d.mu.Unlock()
	finish()
}

// beginEnd takes the dialog out of service; what it returns does the rest, which waits for
// the media plane. d.mu is held, and must not be for the rest.
func (d *dialog) beginEnd(why rooms.Reason, how farewell) (finish func()) {
	d.state = stateEnded
	d.session.stop()
	c := d.call
	d.call = nil
	d.advance()
	if how != hangUp {
		d.settleACK()
	}
	if how == silent {
		d.agent.dialogs.remove(d)
	} else {
		d.goodbye = &why
	}
	byeNow := how != silent && d.ack == nil
	return func() {
		if byeNow {
			d.sayGoodbye()
		}
		d.release(c, why)
		d.log.Info("call ended", "reason", why.String(), "duration", time.Since(d.started).Round(time.Millisecond))
	}
}

// endAgain is end for a call that has ended and may have its BYE still to come. d.mu is
// held, and let go.
func (d *dialog) endAgain(how farewell) {
	if how == silent { // the peer's BYE has crossed ours
		d.goodbye = nil
	}
	if how != hangUp {
		d.settleACK()
	}
	d.mu.Unlock()
	switch how {
	case silent:
		d.agent.dialogs.remove(d)
	case hangUp:
		// the ACK, or giving up on it, lets the BYE go
		if !d.waitsForACK() {
			d.sayGoodbye()
		}
	case hangUpNow:
		d.sayGoodbye()
	}
}

func (d *dialog) waitsForACK() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ack != nil
}

// release takes c out of the room and gives its ports back.
func (d *dialog) release(c *call, why rooms.Reason) {
	if c == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	if err := c.close(ctx, why); err != nil {
		d.log.Error("the leg could not be released", "error", err)
	}
	d.agent.legs.remove(c.leg)
	d.agent.count.calls.Add(-1)
}

// sayGoodbye sends the BYE that end has left, once, and forgets the dialog when it has been
// answered or given up on.
func (d *dialog) sayGoodbye() {
	d.mu.Lock()
	why := d.goodbye
	d.goodbye = nil
	if why == nil {
		d.mu.Unlock()
		return
	}
	req := d.request(sip.BYE, reasonHeader(*why))
	d.mu.Unlock()
	ok := d.agent.spawn(func() {
		defer d.agent.dialogs.remove(d)
		if _, err := d.transact(req, nil); err != nil && d.agent.ctx.Err() == nil {
			d.agent.count.unreachable.Add(1)
			d.log.Debug("BYE was not answered", "error", err)
		}
	})
	if !ok {
		d.agent.dialogs.remove(d)
	}
}

// stopTimers is for Close, when no goroutine of ours runs any more.
func (d *dialog) stopTimers() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.settleACK()
	d.session.stop()
	d.agent.dialogs.remove(d)
}

// onBye ends the call at the peer's wish.
func (d *dialog) onBye(req *sip.Request, tx *sip.ServerTx) {
	if !d.enter(req, tx) {
		return
	}
	if d.state == stateEnded { // it has crossed ours
		d.endAgain(silent)
		d.respond(req, tx, sip.StatusOK)
		return
	}
	finish := d.beginEnd(rooms.Reason{Code: rooms.ReasonLeft}, silent)
	d.mu.Unlock()
	d.respond(req, tx, sip.StatusOK)
	finish()
}
