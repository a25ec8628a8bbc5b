package focus

import (
	"context"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/focus/guard"
	"github.com/confd/confd/rooms"
)

// setupTimeout bounds everything between INVITE and 200.
const setupTimeout = 5 * time.Second

// onInvite handles an INVITE outside of any dialog: a call.
func (a *Agent) onInvite(req *sip.Request, tx *sip.ServerTx) {
	if !a.merges.claim(req, tx) {
		a.count.merged.Add(1)
		a.refuse(req, tx, refusal(sip.StatusLoopDetected, "this request has arrived by another path"))
		return
	}
	switch verdict, why := a.admit(req); verdict {
	case guard.Ignore:
		a.count.refuse(why)
		tx.Terminate()
		return
	case guard.Refuse:
		a.turnAway(req, tx, why, refusal(sip.StatusServiceUnavailable, why, sip.NewHeader("Retry-After", retryAfter)))
		return
	}
	joined := false
	defer func() {
		if !joined {
			a.count.calls.Add(-1) // the place that admit took
		}
	}()
	ctx, cancel := context.WithTimeout(a.ctx, setupTimeout)
	defer cancel()
	if !tx.OnCancel(func(*sip.Request) { cancel() }) {
		return // cancelled before we looked; sipgo has answered both requests
	}
	in, bad := a.read(req)
	if bad != nil {
		a.turnAway(req, tx, "request", bad)
		return
	}
	d := a.newDialog(req, tx, in.room)
	d.mu.Lock()
	defer d.mu.Unlock()
	body, err := d.openMedia(ctx, req, in)
	if err != nil {
		s := statusOf(err, d.here.Addr().String())
		d.log.Info("call refused", "code", s.code, "error", s.why, "remote", d.source.String())
		a.turnAway(req, tx, "room", s)
		return
	}
	joined = true
	d.accept(req, tx, in, body)
}

// incoming is what an INVITE asks for.
type incoming struct {
	room    rooms.Name
	offer   []byte // nil: ours goes into the 200
	listens bool   // the address asks for the room's multicast group
	timer   grant
}

// read takes an INVITE apart.
func (a *Agent) read(req *sip.Request) (incoming, *status) {
	var in incoming
	var err error
	user := userOf(req.Recipient)
	if in.room, err = rooms.ParseName(user); err != nil {
		return in, statusOf(err, "")
	}
	in.listens = asksForGroup(user)
	if in.offer, err = sdpOf(req); err != nil {
		return in, bodyStatus(err)
	}
	var bad *status
	in.timer, bad = a.grantTimer(req)
	return in, bad
}

// userOf returns what names the room: the user part, or a telephone number without its
// visual separators (RFC 3966).
func userOf(u sip.Uri) string {
	if u.Scheme != "tel" {
		return u.User
	}
	var number []byte
	for _, c := range []byte(u.Raw()) {
		if c == ';' {
			break
		}
		if c != '-' && c != '.' && c != '(' && c != ')' {
			number = append(number, c)
		}
	}
	return string(number)
}

// admit judges a new call before anything is spent on it. Allow takes one of the places
// for calls.
func (a *Agent) admit(req *sip.Request) (guard.Decision, string) {
	if v := a.cfg.Guard.AllowCall(sourceOf(req).Addr()); v != guard.Allow {
		return v, "rate"
	}
	switch {
	case a.draining.Load():
		return guard.Refuse, "draining"
	case a.cfg.Load != nil && a.cfg.Load() >= a.cfg.MaxLoad:
		return guard.Refuse, "load"
	case a.count.calls.Add(1) > int64(a.cfg.MaxCalls):
		a.count.calls.Add(-1)
		return guard.Refuse, "calls"
	}
	return guard.Allow, ""
}

// turnAway refuses a new call and counts why.
func (a *Agent) turnAway(req *sip.Request, tx *sip.ServerTx, why string, s *status) {
	a.count.refuse(why)
	a.refuse(req, tx, s)
}

// accept sends the 200. d.mu is held, so whatever the peer answers, and whatever the room
// wants, waits until the dialog is complete.
func (d *dialog) accept(req *sip.Request, tx *sip.ServerTx, in incoming, body []byte) {
	a := d.agent
	res := d.answer(req, sip.StatusOK, in.timer.headers()...)
	setSDP(res, body)
	a.dialogs.add(d)
	if a.draining.Load() { // began meanwhile, perhaps before it could see d
		d.giveUp(rooms.Reason{Code: rooms.ReasonDraining})
		a.turnAway(req, tx, "draining", refusal(sip.StatusServiceUnavailable, "draining", sip.NewHeader("Retry-After", retryAfter)))
		return
	}
	if err := a.send(tx, res); err != nil {
		d.log.Info("call given up before it was answered", "error", err)
		d.giveUp(rooms.Reason{Code: rooms.ReasonLeft, Text: "cancelled"})
		return
	}
	a.count.answered.Add(1)
	d.state, d.listens = stateAnswered, in.listens
	d.awaitACK(req, tx, res, in.offer == nil)
	d.startTimer(in.timer)
	d.tellDelivery()
	d.log.Info("call started", "from", bounded(d.remote.Address.Addr()), "remote", d.source.String(),
		"transport", d.network, "media", d.call.describe())
}

// giveUp ends a call that was never answered. d.mu is held.
func (d *dialog) giveUp(why rooms.Reason) {
	d.state = stateEnded
	d.agent.dialogs.remove(d)
	c := d.call
	d.call = nil
	d.release(c, why)
}

func setSDP(m interface {
	AppendHeader(sip.Header)
	SetBody([]byte)
}, body []byte) {
	if len(body) > 0 {
		ct := sip.ContentTypeHeader(typeSDP)
		m.AppendHeader(&ct)
		m.SetBody(body)
	}
}
