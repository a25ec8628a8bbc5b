package focus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/focus/guard"
	"github.com/confd/confd/rooms"
)

// sessionTerms are what our INVITE asks for of RFC 4028, seconds.
type sessionTerms struct{ expires, min int }

var (
	errTooOften = errors.New("the peer asks again and again for another INVITE")
	errNoFinal  = errors.New("there was no final response, not even to CANCEL")
)

// converse sends INVITEs until one gets a final response that ends it.
func (o *outgoing) converse() (*sip.Response, error) {
	for range maxRetryHistory {
		req, err := o.invite()
		if err != nil {
			return nil, err
		}
		res, err := o.transact(req)
		if err != nil || o.told {
			return res, err
		}
		switch {
		case isChallenge(res):
			if _, err := o.prover.answer(req, res); err != nil {
				return nil, &status{code: res.StatusCode, why: err.Error()}
			}
		case res.StatusCode == 422 && o.lengthen(res):
		default:
			return res, nil
		}
		o.forks.drop()
	}
	return nil, errTooOften
}

// lengthen takes the shortest session interval that the peer accepts, if that is new to us.
func (o *outgoing) lengthen(res *sip.Response) bool {
	v, _ := value(res, "min-se")
	n, err := parseMinSE(v)
	const longest = 86400
	if err != nil || n <= o.interval.min || n > longest {
		return false
	}
	o.interval = sessionTerms{max(n, o.interval.expires), n}
	return true
}

// invite makes the next INVITE.
func (o *outgoing) invite() (*sip.Request, error) {
	o.seq++
	headers := append(o.prover.headers(), sip.NewHeader("Accept", acceptValue),
		sip.NewHeader("Session-Expires", strconv.Itoa(o.interval.expires)),
		sip.NewHeader("Min-SE", strconv.Itoa(o.interval.min)))
	req := o.newDialog("").build(sip.INVITE, o.seq, append(headers, o.plan.headers...)...)
	req.SetDestination(o.hop.addr.String())
	setSDP(req, o.body)
	// What was asked for has been checked piece by piece. This is the check of the whole: what
	// we would refuse, we do not send.
	if v := guard.Check([]byte(req.String()), true); v.Action != guard.Pass {
		return nil, fmt.Errorf("the INVITE would not be valid: %v", v.Reason)
	}
	return req, nil
}

// newDialog makes the dialog with who gave itself the tag; with an empty tag it is the one
// to write the INVITE from.
func (o *outgoing) newDialog(tag string) *dialog {
	p := o.plan
	d := &dialog{
		agent: o.agent, room: o.req.Room, log: o.log, network: o.hop.network, source: o.hop.addr,
		peerName: o.hop.host, laddr: o.laddr, here: o.here, secure: p.target.Scheme == "sips",
		key: dialogKey{o.callID, o.tag, tag}, target: *p.target.Clone(), routes: p.routes,
		local: p.from, localSeq: o.seq, unheard: true, started: time.Now(),
		login: p.login,
	}
	d.early.Store(o)
	if d.local.Address.Host == "" {
		d.local.Address.Host = o.here.Addr().String()
	}
	d.local.Params = sip.HeaderParams{{K: "tag", V: o.tag}}
	d.remote.Address = sip.Uri{Scheme: p.target.Scheme, User: p.target.User, Host: p.target.Host}
	if v, ok := p.target.UriParams.Get("user"); ok {
		d.remote.Address.UriParams = sip.HeaderParams{{K: "user", V: v}}
	}
	if tag != "" {
		d.remote.Params = sip.HeaderParams{{K: "tag", V: tag}}
	}
	return d
}

// transact sends an INVITE and returns the final response. Once the dial-out is given up on,
// that is told at once, and then goes on here: with CANCEL as soon as the peer has said that
// it works on the INVITE (RFC 3261 section 9.1), and without a final response for 64*T1 more.
func (o *outgoing) transact(req *sip.Request) (*sip.Response, error) {
	if err := o.ctx.Err(); err != nil {
		return nil, err
	}
	a := o.agent
	tx, err := a.transaction(o.ctx, req, o.hop.host)
	if err != nil {
		return nil, err
	}
	tx.OnRetransmission(func(res *sip.Response) { a.spawn(func() { o.repeated(res) }) })
	var patience <-chan time.Time
	ended := o.ctx.Done()
	for proceeding, cancelled := false, false; ; {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return res, nil
			}
			proceeding = true
			o.provisional(res)
		case <-tx.Done():
			return nil, tx.Err()
		case <-patience:
			tx.Terminate()
			return nil, errNoFinal
		case <-ended:
			ended = nil
			o.fail(o.failure(nil))
			t := time.NewTimer(64 * sip.T1)
			defer t.Stop()
			patience = t.C
		case <-a.ctx.Done():
			if proceeding && !cancelled {
				o.sendCancel(req)
			}
			tx.Terminate()
			return nil, a.ctx.Err()
		}
		if ended == nil && proceeding && !cancelled {
			cancelled = true
			o.sendCancel(req)
		}
	}
}

// provisional takes a 1xx.
func (o *outgoing) provisional(res *sip.Response) {
	if res.StatusCode == 100 {
		return
	}
	early := false
	if tag := tagOf(res.To().Params); tag != "" {
		d := o.forks.dialog(o, tag)
		if d == nil {
			return // one of too many
		}
		early = d.provisional(res)
	}
	if o.told || o.rang && (o.early || !early) {
		return
	}
	o.rang, o.early = true, early
	o.progress.Ringing(early)
}

// sendCancel cancels an INVITE. A CANCEL is the INVITE's request line and identity, and its
// topmost Via (RFC 3261 section 9.1).
func (o *outgoing) sendCancel(invite *sip.Request) {
	req := sip.NewRequest(sip.CANCEL, invite.Recipient)
	req.AppendHeader(invite.Via().Clone())
	for _, h := range invite.GetHeaders("route") {
		req.AppendHeader(sip.NewHeader("Route", h.Value()))
	}
	from, to, callID := *invite.From(), *invite.To(), *invite.CallID()
	forwards := sip.MaxForwardsHeader(70)
	cseq := &sip.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sip.CANCEL}
	for _, h := range []sip.Header{&from, &to, &callID, cseq, &forwards, o.reason()} {
		req.AppendHeader(h)
	}
	req.AppendHeader(sip.NewHeader("User-Agent", o.agent.name))
	req.SetBody(nil)
	req.SetTransport(invite.Transport())
	req.SetDestination(invite.Destination())
	req.Laddr = invite.Laddr
	a := o.agent
	if a.ctx.Err() != nil { // Close waits for nobody
		_ = a.tpl.WriteMsg(req)
		return
	}
	a.spawn(func() {
		tx, err := a.transaction(a.ctx, req, o.hop.host)
		if err == nil {
			_, err = await(a.ctx, tx)
			tx.Terminate()
		}
		if err != nil && a.ctx.Err() == nil {
			o.log.Debug("CANCEL was not answered", "error", err)
		}
	})
}

// reason is what the peer is told of why the call is given up on.
func (o *outgoing) reason() sip.Header { return reasonHeader(o.why()) }

// why is the reason that a call ends for which was given up on.
func (o *outgoing) why() rooms.Reason {
	if c := o.cancelled(); c != nil {
		return c.why
	}
	if errors.Is(context.Cause(o.ctx), errUnanswered) {
		return rooms.Reason{Code: rooms.ReasonTimedOut, Text: "No answer in time"}
	}
	return rooms.Reason{Code: rooms.ReasonDraining}
}

// cancelled is the room's wish to give up on the call, nil if there was none.
func (o *outgoing) cancelled() *cancellation {
	var c *cancellation
	errors.As(context.Cause(o.ctx), &c)
	return c
}
