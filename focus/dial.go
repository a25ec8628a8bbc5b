package focus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"runtime/debug"
	"sync"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/rooms"
)

// outgoing is a call that the server makes, until it is answered or has failed: one INVITE,
// or several where it is challenged, all with one Call-ID and one offer. One goroutine runs
// it.
type outgoing struct {
	agent    *Agent
	req      rooms.DialRequest
	plan     *plan
	progress rooms.Progress
	log      *slog.Logger
	ctx      context.Context // ends with the time to ring, Cancel, Close, or the call's answer
	stop     context.CancelCauseFunc
	release  context.CancelFunc

	// Of the goroutine that runs it.
	callID, tag string
	hop         hop
	laddr       sip.Addr
	here        netip.AddrPort
	seq         uint32
	prover      prover
	interval    sessionTerms
	call        *call
	body        []byte // our offer
	told        bool   // what became of it
	rang, early bool   // the room knows

	forks forks
}

// Dial calls somebody for a room. It does not wait: progress is told what comes of it, on
// another goroutine, and ends with Answered or Failed. Any goroutine may call it, after
// Start. Errors, of type *rooms.Error: Invalid (whom, or how, cannot be), Overloaded (limits
// on dial-outs, calls, or the machine's time), Draining; then progress is told nothing.
func (a *Agent) Dial(_ context.Context, req rooms.DialRequest, progress rooms.Progress) (rooms.Outgoing, error) {
	p, err := a.cfg.planCall(&req)
	if err != nil {
		return nil, err
	}
	o := &outgoing{
		agent: a, req: req, plan: p, progress: progress,
		callID: newTag() + newTag(), tag: newTag(), prover: prover{login: p.login},
		interval: sessionTerms{seconds(a.cfg.SessionExpires), seconds(a.cfg.MinSE)},
	}
	o.forks.decided = make(chan struct{})
	o.log = a.log.With("call_id", o.callID, "room", string(req.Room), "participant", req.ParticipantID)
	if err := a.admitDial(o); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancelCause(a.ctx)
	o.stop = stop
	o.ctx, o.release = context.WithTimeoutCause(ctx, p.ring, errUnanswered)
	if !a.spawn(o.run) {
		o.finish()
		a.count.calls.Add(-1)
		return nil, errDraining
	}
	return o, nil
}

var errDraining = &rooms.Error{Code: rooms.Draining, Op: "dial", Message: "the server is about to end and makes no calls"}

// admitDial takes the places that a dial-out needs.
func (a *Agent) admitDial(o *outgoing) error {
	switch {
	case a.draining.Load():
		return errDraining
	case a.cfg.Load != nil && a.cfg.Load() >= a.cfg.MaxLoad:
		return tooMany("the mixer is busy for more than %g of its time", a.cfg.MaxLoad)
	case a.count.calls.Add(1) > int64(a.cfg.MaxCalls):
		a.count.calls.Add(-1)
		return tooMany("there are %d calls, as many as the limit allows", a.cfg.MaxCalls)
	}
	if err := a.dials.begin(o); err != nil {
		a.count.calls.Add(-1)
		return err
	}
	if a.draining.Load() { // meanwhile: cancel has not seen it
		a.dials.finish(o)
		a.count.calls.Add(-1)
		return errDraining
	}
	return nil
}

// Cancel implements rooms.Outgoing: it gives up on the call, or hangs up if it has been answered
// meanwhile. It does not wait and may be called more than once.
func (o *outgoing) Cancel(why rooms.Reason) {
	o.stop(&cancellation{why})
	if d := o.forks.chosen(); d != nil {
		d.End(why)
	}
}

// run makes the call.
func (o *outgoing) run() {
	defer o.finish()
	defer o.recovered()
	o.log.Info("calling", "to", o.plan.target.Addr(), "transport", o.plan.network)
	if err := o.reach(); err != nil {
		o.fail(o.failure(err))
		return
	}
	res, err := o.converse()
	defer o.forks.drop() // what is still early then has lost
	switch {
	case err != nil:
		o.fail(o.failure(err))
	case res.IsSuccess():
		o.answered(res)
	default:
		o.fail(outcomeOf(res))
	}
}

// finish gives the dial-out's place back.
func (o *outgoing) finish() {
	o.release()
	o.stop(nil)
	o.forks.decide()
	o.agent.dials.finish(o)
}

// recovered keeps a fault of ours from ending everybody's calls.
func (o *outgoing) recovered() {
	if p := recover(); p != nil {
		o.agent.count.panics.Add(1)
		o.log.Error("panic while calling", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		o.fail(rooms.DialFailure{Outcome: rooms.OutcomeFailed, Text: "a fault of the server"})
		if d := o.forks.chosen(); d != nil {
			d.End(rooms.Reason{Code: rooms.ReasonServerError})
		}
	}
}

// failure says what an error that ended the attempt means.
func (o *outgoing) failure(err error) rooms.DialFailure {
	if o.ctx.Err() != nil {
		return failureOf(context.Cause(o.ctx), err)
	}
	return failureOf(nil, err)
}

// fail tells, once, that nobody has been reached, and gives back what the call has.
func (o *outgoing) fail(f rooms.DialFailure) {
	if o.told {
		return
	}
	o.told = true
	o.agent.count.dialled(string(f.Outcome))
	if c := o.call; c != nil {
		o.call = nil
		if err := errors.Join(c.leg.Close(), c.closeVideo(0)); err != nil {
			o.log.Error("the legs could not be closed", "error", err)
		}
		o.agent.legs.remove(c.leg)
	}
	o.agent.count.calls.Add(-1)
	o.log.Info("call not answered", "outcome", string(f.Outcome), "code", f.Status, "why", f.Text)
	o.progress.Failed(f)
}

// reach finds the first address of the next hop that can be had, and opens the media for it.
func (o *outgoing) reach() error {
	hops, err := o.agent.hops(o.ctx, o.plan.next, o.plan.network)
	if err != nil {
		return fmt.Errorf("%s cannot be resolved: %w", o.plan.next.Host, err)
	}
	var failed error
	for _, h := range hops {
		if err = o.settle(h); err == nil {
			return o.openMedia()
		}
		failed = errors.Join(failed, fmt.Errorf("%s %v: %w", h.network, h.addr, err))
		if o.ctx.Err() != nil {
			break
		}
	}
	return failed
}

// settle makes h the next hop and finds our end of the way there.
func (o *outgoing) settle(h hop) (err error) {
	a := o.agent
	o.hop = h
	if h.network == "UDP" {
		local, err := a.routes.local(h.addr.Addr())
		if err != nil {
			return err
		}
		o.laddr, o.here, err = a.socketTo(h.network, local)
		return err
	}
	local, err := a.connect(o.ctx, h.network, h.addr, h.host)
	if err != nil {
		return err
	}
	// Contact names our listener if there is one. If not, the peer can use this connection.
	if _, o.here, err = a.socketTo(h.network, local.Addr()); err != nil {
		o.here = local
	}
	return nil
}

// openMedia opens legs and makes our offer. Until the answer is there, they drop what arrives.
// The telephone network has no video.
func (o *outgoing) openMedia() error {
	a := o.agent
	bind, written, err := a.mediaAddress(o.hop.addr.Addr(), nil, false)
	if err != nil {
		return err
	}
	leg, err := a.cfg.Pool.Listen(bind)
	if err != nil {
		return err
	}
	c := a.newCall(leg, bind, written)
	c.vouch(o.hop.addr.Addr())
	if !o.plan.byTrunk {
		c.expectVideo(o.req.Room, nil)
	}
	if o.body, _, err = c.begin(nil, false); err != nil {
		return errors.Join(err, leg.Close(), c.closeVideo(0))
	}
	a.legs.add(leg)
	o.call = c
	return nil
}

// forks are the dialogs of one INVITE, by the peer's tag.
type forks struct {
	decided chan struct{} // closed once the first 2xx has been dealt with, or none came
	once    sync.Once

	mu     sync.Mutex
	all    map[string]*dialog
	winner *dialog
}

// maxForks bounds the dialogs that one INVITE may lead to.
const maxForks = 32

func (f *forks) decide() { f.once.Do(func() { close(f.decided) }) }

func (f *forks) chosen() *dialog {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.winner
}

// drop forgets dialogs that are still early: the INVITE has its final response.
func (f *forks) drop() {
	for tag, d := range f.copy() { // a dialog's mutex comes before ours
		if d.dropEarly() {
			f.mu.Lock()
			delete(f.all, tag)
			f.mu.Unlock()
		}
	}
}

func (f *forks) copy() map[string]*dialog {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.all)
}
