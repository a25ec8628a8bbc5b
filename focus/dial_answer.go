package focus

import (
	"bytes"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/focus/offeranswer"
	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/media"
	"github.com/confd/confd/rooms"
)

// dialog returns the dialog of a tag, a new one if there is none; nil if there are too many.
// Requests of the peer find it from now on.
func (f *forks) dialog(o *outgoing, tag string) *dialog {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d := f.all[tag]; d != nil {
		return d
	}
	if len(f.all) >= maxForks {
		return nil
	}
	if f.all == nil {
		f.all = map[string]*dialog{}
	}
	d := o.newDialog(tag)
	d.heard.Store(clock.Now())
	f.all[tag] = d
	o.agent.dialogs.add(d)
	return d
}

// provisional takes what a 1xx says about an early dialog (RFC 3261 section 12.1.2), and
// reports whether it brings early media.
func (d *dialog) provisional(res *sip.Response) (early bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state != stateEarly {
		return false
	}
	d.heard.Store(clock.Now())
	d.refreshTarget(res)
	// It may be all the answer that there will be: some peers leave it out of their 200.
	if sdp, err := sdpOf(res); err == nil && sdp != nil {
		d.preview = bytes.Clone(sdp)
	}
	return d.preview != nil
}

// isEarly reports whether we are still calling.
func (d *dialog) isEarly() bool {
	if d.early.Load() == nil {
		return false
	}
	d.mu.Lock() // the 2xx may be in hand

	defer d.mu.Unlock()
	return d.early.Load() != nil
}

// dropEarly forgets a dialog that is still early, and reports whether it was.
func (d *dialog) dropEarly() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state != stateEarly {
		return false
	}
	d.state = stateEnded
	d.early.Store(nil)
	d.agent.dialogs.remove(d)
	return true
}

// confirm makes the dialog of a 2xx to our INVITE a full one: target, route set (RFC 3261
// section 12.1.2). d.mu is held.
func (d *dialog) confirm(res *sip.Response) {
	d.state = stateConfirmed
	d.early.Store(nil)
	d.heard.Store(clock.Now())
	d.refreshTarget(res)
	d.routes = nil
	for _, h := range res.GetHeaders("record-route") {
		if rr, ok := h.(*sip.RecordRouteHeader); ok {
			d.routes = append([]sip.Uri{*rr.Address.Clone()}, d.routes...)
		}
	}
}

// acknowledge sends the ACK of a 2xx to the INVITE that began the dialog, with the
// credentials that the INVITE had (RFC 3261 section 22.1). d.mu is held.
func (d *dialog) acknowledge(seq uint32) {
	if err := d.write(d.build(sip.ACK, seq, d.proof...), d.source); err != nil {
		d.log.Debug("ACK not sent", "error", err)
	}
}

// answered takes the first 2xx. If the dial-out has been given up on, it is ended as soon as
// it is there (RFC 3261 section 9.1: CANCEL has come too late).
func (o *outgoing) answered(res *sip.Response) {
	d := o.forks.dialog(o, tagOf(res.To().Params))
	if d == nil {
		o.fail(rooms.DialFailure{Outcome: rooms.OutcomeFailed, Status: res.StatusCode, Text: "there were too many early dialogs"})
		return
	}
	if o.told {
		d.shed(res, o.prover.headers(), o.why())
		return
	}
	o.forks.choose(d)
	o.take(d, res)()
	if c := o.cancelled(); c != nil { // meanwhile
		d.End(c.why)
	}
}

// take confirms the dialog of the first 2xx and has the room take who answered. What it
// returns does the rest: nothing, unless the call cannot be and is ended.
func (o *outgoing) take(d *dialog, res *sip.Response) (finish func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.confirm(res)
	d.proof = o.prover.headers()
	d.acknowledge(res.CSeq().SeqNo)
	if why := o.join(d, res); why != nil {
		return d.beginEnd(*why, hangUp)
	}
	o.log.Info("call answered", "transport", d.network, "remote", d.source.String(), "media", d.call.describe())
	return func() {}
}

func (f *forks) choose(d *dialog) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.winner = d
}

// join puts the answer into force and lets the room have the participant; if that cannot be,
// it tells the room, and returns why the call is to end. d.mu is held.
func (o *outgoing) join(d *dialog, res *sip.Response) *rooms.Reason {
	sdp, err := sdpOf(res)
	if err == nil && sdp == nil {
		sdp = d.preview
	}
	d.preview = nil
	if err == nil && sdp == nil {
		err = refusal(sip.StatusBadRequest, "the peer answered without a session description")
	}
	c := o.call
	var m rooms.Media
	if err == nil {
		m, err = c.answered(sdp)
	}
	if err != nil {
		text := "Answer: " + statusOf(err, "").why
		o.fail(rooms.DialFailure{Outcome: rooms.OutcomeFailed, Status: res.StatusCode, Text: plain(text)})
		return &rooms.Reason{Code: rooms.ReasonProtocolError, Text: text}
	}
	part, err := o.progress.Answered(d.answerer(res), m, d)
	if err != nil {
		o.fail(rooms.DialFailure{Outcome: rooms.OutcomeCancelled, Status: res.StatusCode, Text: err.Error()})
		if c := o.cancelled(); c != nil {
			return &c.why
		}
		return &rooms.Reason{Code: rooms.ReasonRemoved, Text: "Not let into the conference"}
	}
	c.trimVideo()
	c.part, c.since = part, clock.Now()
	o.call, o.told, d.call = nil, true, c
	d.narrowVideo()
	d.agent.count.dialled("answered")
	d.agent.count.answered.Add(1)
	d.startClientTimer(res)
	return nil
}

// answerer is what the room is told about who answered.
func (d *dialog) answerer(res *sip.Response) rooms.Info {
	agent, ok := value(res, "user-agent")
	if !ok {
		agent, _ = value(res, "server")
	}
	return rooms.Info{
		URI: bounded(d.remote.Address.Addr()), UserAgent: bounded(agent), RemoteAddr: d.source.Addr(),
		CallID: d.key.callID, Direction: rooms.Outbound,
	}
}

// startClientTimer starts the session timer that a 2xx to our INVITE grants; without
// Session-Expires there is none (RFC 4028 section 7.2). d.mu is held.
func (d *dialog) startClientTimer(res *sip.Response) {
	v, ok := value(res, "session-expires", "x")
	if !ok {
		return
	}
	if se, err := parseSessionExpires(v); err == nil && se.seconds >= seconds(minSessionInterval) {
		d.restartTimer(time.Duration(se.seconds)*time.Second, se.refresher != refresherUAS)
	}
}

// repeated takes every 2xx but the first: again the same, because our ACK was lost, or of
// another branch of a fork, that loses (RFC 3261 section 13.2.2.4).
func (o *outgoing) repeated(res *sip.Response) {
	select {
	case <-o.forks.decided:
	case <-o.agent.ctx.Done():
		return
	}
	d := o.forks.dialog(o, tagOf(res.To().Params))
	if d == nil {
		return // one of too many; it will give up
	}
	why := rooms.Reason{Code: rooms.ReasonLeft, Text: "Call completed elsewhere"}
	if o.forks.chosen() == nil {
		why = o.why()
	}
	d.shed(res, o.prover.headers(), why)
}

// shed acknowledges a 2xx; if the dialog is new, it is ended at once.
func (d *dialog) shed(res *sip.Response, proof []sip.Header, why rooms.Reason) {
	d.mu.Lock()
	isNew := d.state == stateEarly
	if isNew {
		d.confirm(res)
		d.proof = proof
	}
	d.acknowledge(res.CSeq().SeqNo)
	if !isNew {
		d.mu.Unlock()
		return
	}
	finish := d.beginEnd(why, hangUp)
	d.mu.Unlock()
	finish()
}

// answered puts the answer to our first offer into force, before the leg is in a room, and
// returns what the room needs.
func (c *call) answered(answer []byte) (rooms.Media, error) {
	res, err := offeranswer.Accept(c.pending, answer, c.caps, c.local)
	if err != nil {
		return rooms.Media{}, err
	}
	c.flush()
	m, err := c.first(&res.Negotiated)
	c.pending, c.state = nil, res.State
	return m, err
}

// flush throws early media away, which would else be heard late and all at once. The legs are
// still ours.
func (c *call) flush() {
	nobody := media.ReceiverFunc(func(*media.Packet) {})
	for range 2 { // one reads more than a socket's buffer usually holds
		c.leg.Poll(clock.Now(), 64, nobody)
	}
	c.flushVideo()
}

// onEarly answers a request of the peer within a dialog whose INVITE it has not answered.
// Our offer is still out, so it may make none (RFC 3311 section 5.2, RFC 3261 section 14.2).
func (d *dialog) onEarly(req *sip.Request, tx *sip.ServerTx) {
	if !d.enter(req, tx) {
		return
	}
	defer d.mu.Unlock()
	body, err := sdpOf(req)
	switch {
	case req.Method == sip.INVITE, req.Method == sip.UPDATE && (err != nil || body != nil):
		d.refuse(req, tx, pendingStatus())
	case req.Method == sip.UPDATE:
		d.refreshTarget(req)
		d.respond(req, tx, sip.StatusOK)
	case req.Method == sip.OPTIONS:
		d.respond(req, tx, sip.StatusOK, append(capabilityHeaders(), d.contact())...)
	case req.Method == sip.BYE: // RFC 3261 section 15: it may only refuse the INVITE
		d.refuse(req, tx, refusal(sip.StatusCallTransactionDoesNotExists, "the call has not been answered"))
	default:
		d.respond(req, tx, sip.StatusOK)
	}
}
