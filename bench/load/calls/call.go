package calls

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// Call is an established call. Its methods may be called by any goroutine.
type Call struct {
	Setup Setup // how long it took; does not change

	line *line
	user string

	mu       sync.Mutex
	offer    Offer
	dialog   dialog
	ownTag   string
	farTag   string // "" until it is answered
	prover   prover
	proof    []string // the credentials of our last INVITE
	answer   Answer
	version  int    // of our last description
	seq      uint32 // of our last request
	ack      []byte // of our last INVITE, for repeated answers to it
	acked    uint32 // its number
	farSeq   uint32 // of the server's last request
	last     reply  // to that
	asking   bool   // an INVITE of ours is on its way
	session  session
	end      *End // once it has ended
	onEnd    func(End)
	onChange func(Answer)
	changed  bool // the answer, before there was an onChange
}

// Setup is what the first part of a call took.
type Setup struct {
	Ringing  time.Duration // until the first 18x; 0 if there was none
	Answered time.Duration // until the 2xx
}

// End is how a call ended.
type End struct {
	Far    bool   // the server ended it, or is gone
	Cause  Cause  // Dropped if it was not us
	Reason string // what the server gave for one, or what happened
}

// Answer is what the server's last description says.
func (c *Call) Answer() Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answer
}

// OnEnd has f called when the call ends, at once if it has. f must not wait for anything:
// nothing arrives on the line meanwhile.
func (c *Call) OnEnd(f func(End)) {
	c.mu.Lock()
	c.onEnd = f
	ended := c.end
	c.mu.Unlock()
	if ended != nil {
		f(*ended)
	}
}

// OnChange has f called when the server has changed its description, as when media moves
// or the call is put on hold, at once if it has since the call was answered. f must not wait
// for anything.
func (c *Call) OnChange(f func(Answer)) {
	c.mu.Lock()
	c.onChange = f
	changed, a := c.changed, c.answer
	c.mu.Unlock()
	if changed {
		f(a)
	}
}

// Call calls to, a SIP URI, and returns when the call is established. Error: a *Failure.
// If ctx ends first, the call is cancelled.
func (a *Agent) Call(ctx context.Context, to string, o Offer) (*Call, error) {
	if err := o.complete(); err != nil {
		return nil, &Failure{Cause: Rejected, Err: err}
	}
	if _, _, err := hostOf(to); err != nil {
		return nil, &Failure{Cause: Rejected, Err: err}
	}
	l := a.line()
	if err := l.ready(); err != nil {
		return nil, &Failure{Cause: Refused, Err: err}
	}
	c := l.newCall(to, o)
	if err := l.add(c); err != nil {
		return nil, &Failure{Cause: Refused, Err: err}
	}
	if f := c.setUp(ctx); f != nil {
		l.remove(c.dialog.callID)
		return nil, f
	}
	return c, nil
}

func (l *line) newCall(to string, o Offer) *Call {
	a := l.agent
	user := o.From
	setDefault(&user, a.config.From)
	c := &Call{
		line: l, user: user, offer: o, ownTag: a.unique(), version: 1,
		prover: prover{username: a.config.Username, password: a.config.Password},
	}
	c.dialog = dialog{
		callID: a.unique() + "@" + l.host(), local: l.from(user, c.ownTag), remote: "<" + to + ">",
		target: to, peer: a.config.Server,
	}
	return c
}

// setUp sends INVITEs until one gets a final response that decides.
func (c *Call) setUp(ctx context.Context) *Failure {
	s := &setup{call: c, began: time.Now(), ctx: ctx}
	deadline := s.began.Add(c.line.agent.config.Timeouts.Answer)
	for {
		m, f := s.invite(deadline)
		switch {
		case f != nil:
			return f
		case m.success():
			return c.established(m, s)
		case !c.prover.take(m):
			return failed(m, c.prover.proved())
		}
	}
}

// setup is a call that is being set up.
type setup struct {
	call    *Call
	ctx     context.Context
	began   time.Time
	ringing time.Duration
	preview string // the description of an 18x, in case the 2xx has none
}

type outcome struct {
	m   *message
	err error
}

// backlog bounds the provisional responses that wait for the caller's goroutine; there is
// always room for the final one.
const backlog = 15

// invite sends an INVITE and returns its final response.
func (s *setup) invite(deadline time.Time) (*message, *Failure) {
	c := s.call
	outcomes := make(chan outcome, backlog+1)
	t, err := c.line.begin(c.invitation(), c.dialog.peer, func(m *message, err error) {
		if err != nil || m.status >= 200 || len(outcomes) < backlog {
			outcomes <- outcome{m, err}
		}
	})
	if err != nil {
		return nil, requestFailed(err)
	}
	first := time.Now().Add(c.line.agent.config.Timeouts.Trying)
	if deadline.Before(first) {
		first = deadline
	}
	patience := time.NewTimer(time.Until(first))
	defer patience.Stop()
	for heard := false; ; {
		select {
		case o := <-outcomes:
			if o.err != nil {
				return nil, requestFailed(o.err)
			}
			if o.m.status >= 200 {
				return o.m, nil
			}
			s.provisional(o.m)
			if !heard {
				heard = true
				patience.Reset(time.Until(deadline))
			}
		case <-patience.C:
			return nil, s.giveUp(t, outcomes, &Failure{Cause: NoAnswer, Reason: s.silence(heard)})
		case <-s.ctx.Done():
			return nil, s.giveUp(t, outcomes, &Failure{Cause: Cancelled, Err: s.ctx.Err()})
		}
	}
}

func (s *setup) silence(heard bool) string {
	switch {
	case s.ringing > 0:
		return "it rang, and nobody answered"
	case heard:
		return "the server works on it, and did not answer"
	}
	return "no response at all"
}

func (s *setup) provisional(m *message) {
	if m.status == 100 {
		return
	}
	if s.ringing == 0 {
		s.ringing = time.Since(s.began)
	}
	if sdp := m.sdp(); sdp != "" {
		s.preview = sdp
	}
}

// giveUp leaves the INVITE to its fate. If the answer has come meanwhile, the call is ended.
func (s *setup) giveUp(t *transaction, outcomes chan outcome, f *Failure) *Failure {
	if t.abandon() {
		return f
	}
	for o := range outcomes { // the final one is there, or about to be
		switch {
		case o.err != nil:
			return f
		case o.m.success():
			s.call.line.shed(o.m)
			return f
		case o.m.status >= 300:
			return f
		}
	}
	return f
}

// invitation is the next INVITE of a call that is not up.
func (c *Call) invitation() *request {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	c.proof = c.prover.headers("INVITE", c.dialog.target)
	headers := append(slices.Clip(c.proof), c.inviteHeaders()...)
	r := c.dialog.request(c.line, "INVITE", c.seq, append(headers, "Accept: application/sdp")...)
	r.body = c.offer.sdp(c.version)
	return r
}

func (c *Call) inviteHeaders() []string {
	return []string{c.line.contact(c.user), "Allow: " + allowed, "Supported: " + supported}
}

// established takes the 2xx: the dialog stands from here on, and is ended again if the
// answer is of no use.
func (c *Call) established(m *message, s *setup) *Failure {
	c.mu.Lock()
	c.Setup = Setup{Ringing: s.ringing, Answered: time.Since(s.began)}
	c.prover.accepted()
	c.farTag = strings.Clone(m.toTag())
	c.dialog = c.line.dialogOf(m)
	c.acknowledge(c.seq)
	text := m.sdp()
	if text == "" {
		text = s.preview
	}
	var fault *sdpFault
	switch {
	case c.farTag == "":
		fault = unusable("the 2xx has no To tag")
	case text == "":
		fault = unusable("the 2xx has no session description (Content-Type %q)", m.get("content-type"))
	default:
		c.answer, _, _, fault = c.offer.read(text, nil)
	}
	if fault == nil {
		c.startSession(m, true)
	}
	c.mu.Unlock()
	if fault != nil {
		c.bye(nil)
		return &Failure{Cause: fault.cause, Status: m.status, Reason: m.phrase, Err: fault}
	}
	return nil
}

// acknowledge sends the ACK of a 2xx, with the credentials of the INVITE (RFC 3261 section
// 22.1). c.mu is held.
func (c *Call) acknowledge(seq uint32) {
	r := c.dialog.request(c.line, "ACK", seq, c.proof...)
	c.ack, c.acked = r.bytes(c.line), seq
	_ = c.line.carrier.send(c.ack, c.dialog.peer) // a repeated 2xx brings it again
}

// acknowledgeAgain takes a repeated 2xx; false: it is from somebody else.
func (c *Call) acknowledgeAgain(m *message) bool {
	seq, _ := m.cseq()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.farTag == "" { // the first is in hand, and will be repeated, whosever it is
		return true
	}
	if m.toTag() != c.farTag {
		return false
	}
	if seq == c.acked {
		_ = c.line.carrier.send(c.ack, c.dialog.peer)
	}
	return true
}

// finish ends the call on our side and returns who wants to know. c.mu is held.
func (c *Call) finish(e End) (tell func()) {
	c.end = &e
	c.session.stop()
	c.last.stop()
	f := c.onEnd
	return func() {
		if f != nil {
			f(e)
		}
	}
}

func (c *Call) stopTimers() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session.stop()
	c.last.stop()
}
