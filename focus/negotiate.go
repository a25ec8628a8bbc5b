package focus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/emiago/sipgo/sip"
)

// proposal is an offer of ours that changes a call. d.mu is held for both.
type proposal struct {
	make  func(*call) ([]byte, error) // the offer, by propose; nil if there is nothing to change
	taken func(*call)                 // follows an answer that has been put into force; may be nil
}

// strayed is what a peer did that accepted an offer with something that cannot be, such as one
// of the group with something else: what it now sends and expects is not known.
type strayed struct{ why string }

func (s *strayed) Error() string { return "the answer does not fit the offer: " + s.why }

// errCallEnded is why a peer cannot be changed any more.
var errCallEnded = errors.New("the call has ended")

// maxGlares is how often an offer is made again that met one of the peer's.
const maxGlares = 5

// negotiate makes a re-INVITE of a proposal, as soon as no other offer is under way. If the
// peer refuses, or does not answer, the session is as it was; the error says why, and is a
// *strayed if the peer's answer cannot be used.
func (d *dialog) negotiate(ctx context.Context, p proposal) error {
	for try := 1; ; try++ {
		req, err := d.reinvite(ctx, p)
		if req == nil || err != nil {
			return err
		}
		res, err := d.transact(req, d.sendACK)
		if err == nil && res.IsSuccess() {
			d.sendACK(res)
		}
		again, err := d.concluded(res, err, p)
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

// reinvite makes the re-INVITE, nil if there is nothing to change.
func (d *dialog) reinvite(ctx context.Context, p proposal) (*sip.Request, error) {
	if err := d.lockForOffer(ctx); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	body, err := p.make(d.call)
	if body == nil || err != nil {
		d.call.trimVideo()
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

// concluded takes the outcome of a re-INVITE of a proposal. Again says that it is worth
// another try, later.
func (d *dialog) concluded(res *sip.Response, err error, p proposal) (again bool, _ error) {
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
		return d.refused(res)
	}
	d.refreshTarget(res)
	d.keepTimer(res, d.session.ours)
	if bad := d.acceptAnswer(res); bad != nil {
		return false, &strayed{bad.why}
	}
	if p.taken != nil {
		p.taken(d.call)
	}
	return false, nil
}

// refused takes a refusal. d.mu is held.
func (d *dialog) refused(res *sip.Response) (again bool, _ error) {
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
