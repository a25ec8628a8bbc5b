package rooms

import (
	"context"
	"time"
)

// Dialer calls somebody. Signalling implements it.
type Dialer interface {
	// Dial begins a call and tells p how it goes on. It must not block, nor may it call p
	// before it returns an error: that one says that the request makes no sense, and then
	// nothing has been sent and nothing is told.
	Dial(ctx context.Context, req DialRequest, p Progress) (Outgoing, error)
}

// DialRequest is what signalling needs to know for a call.
type DialRequest struct {
	To                 string            // a SIP, SIPS or tel URI
	From               string            // the caller's URI, or its user part; "" means the room
	DisplayName        string            // the caller's, as the far end shows it
	Headers            map[string]string // added to the INVITE
	Timeout            time.Duration     // after which the room gives up
	Username, Password string            // for who asks for credentials
	Room               Name
	ParticipantID      string
}

// Progress is what a dialled call tells. Any goroutine may call it; nothing in it waits for
// media. What comes after the end of the attempt is ignored.
type Progress interface {
	// Ringing says that the far end rings; early, that sound comes with it. It may be
	// called more than once.
	Ringing(early bool)
	// Answered lets the far end into the room, as Join would have. An error means that the
	// room does not want it any more, and signalling hangs up.
	Answered(Info, Media, Call) (*Participant, error)
	// Failed ends the attempt.
	Failed(DialFailure)
}

// Outgoing is a call that is not answered yet.
type Outgoing interface {
	// Cancel asks signalling to give up. It is called at most once, not after Failed, and
	// must not block. Progress then need not be told anything.
	Cancel(Reason)
}

// Outcome is how a dial-out, or a call in the records, came out.
type Outcome string

// Outcomes.
const (
	OutcomeAnswered   Outcome = "answered"
	OutcomeBusy       Outcome = "busy"
	OutcomeDeclined   Outcome = "declined"
	OutcomeUnanswered Outcome = "unanswered"
	OutcomeFailed     Outcome = "failed"
	OutcomeCancelled  Outcome = "cancelled" // by this side
)

// DialFailure says how a dial-out ended.
type DialFailure struct {
	Outcome Outcome
	Status  int    // of SIP; 0 if there was none
	Text    string // for people
}

// InviteRequest is whom to dial, and how.
type InviteRequest struct {
	To                 string // a URI
	From               string // as in [DialRequest]
	DisplayName        string // the caller's
	Headers            map[string]string
	Timeout            time.Duration // 1 s to 10 min until somebody must have answered; 0 means 60 s
	Username, Password string
	Settings           ParticipantSettings // of the participant from the start
}

// The limits of an invitation.
const (
	DefaultDialTimeout = 60 * time.Second
	MinDialTimeout     = time.Second
	MaxDialTimeout     = 10 * time.Minute
	maxURI             = 512 // bytes
	maxHeaders         = 32
	maxHeader          = 1024 // bytes of a name and its value
)

func (q *InviteRequest) check() error {
	const op = "dial"
	q.Settings = q.Settings.clone()
	if q.Timeout == 0 {
		q.Timeout = DefaultDialTimeout
	}
	for _, text := range []struct {
		field, value string
		limit        int
	}{
		{"to", q.To, maxURI}, {"from", q.From, maxURI}, {"caller_name", q.DisplayName, MaxDisplayName},
		{"username", q.Username, 128}, {"password", q.Password, 128},
	} {
		if err := checkText(op, text.field, text.value, text.limit); err != nil {
			return err
		}
	}
	switch {
	case q.To == "":
		return wrong(op, "to", "it is empty; a SIP URI, as sip:NAME@HOST, is wanted")
	case q.Timeout < MinDialTimeout || q.Timeout > MaxDialTimeout:
		return wrong(op, "timeout", "%v is not within %v and %v", q.Timeout, MinDialTimeout, MaxDialTimeout)
	case len(q.Headers) > maxHeaders:
		return wrong(op, "headers", "they are %d, and %d are allowed", len(q.Headers), maxHeaders)
	}
	for name, value := range q.Headers {
		if err := checkText(op, "headers", name+value, maxHeader); err != nil {
			return err
		}
	}
	return q.Settings.check(op)
}

// dialOut is what a participant has while it is dialled.
type dialOut struct {
	call     Outgoing // nil until the Dialer has returned
	deadline *deadline
	told     bool // it is in the roster
}

// SetDialer says who dials out; before that nobody does.
func (g *Registry) SetDialer(d Dialer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dialer = d
}

// Dial has somebody called into a room. The participant is in the roster at once, in state
// calling; events tell how it goes on, and removing it cancels the call. Locks and admission
// do not stop it, limits do. Errors: NotFound (the room), Invalid, Full (places, MaxMixes), Draining, Forbidden
// (nothing here dials out).
func (g *Registry) Dial(ctx context.Context, name Name, q InviteRequest) (ParticipantSnapshot, error) {
	s, err := g.dial(ctx, name, q)
	if err != nil {
		g.dialsRefused.Add(1)
	}
	return s, err
}

func (g *Registry) dial(ctx context.Context, name Name, q InviteRequest) (s ParticipantSnapshot, err error) {
	if err := q.check(); err != nil {
		return s, err
	}
	r, err := g.find(name)
	if err != nil {
		return s, err
	}
	dialer, err := g.mayDial()
	if err != nil {
		return s, err
	}
	if err := g.takeSeat("dial"); err != nil {
		return s, err
	}
	p := newParticipant(Info{URI: q.To, Direction: Outbound})
	p.settings, p.dial = q.Settings, &dialOut{}
	p.state = StateCalling
	p.room.Store(r)
	if err := tellRoom(r, func() error { return r.expect(p) }); err != nil {
		g.release()
		return s, err
	}
	out, err := dialer.Dial(ctx, DialRequest{
		To: q.To, From: q.From, DisplayName: q.DisplayName, Headers: q.Headers, Timeout: q.Timeout,
		Username: q.Username, Password: q.Password, Room: name, ParticipantID: p.id,
	}, progress{p})
	if err != nil {
		_ = tellOf(p, func(r *room) error { r.forgetDial(p, Reason{}); return nil })
		return s, err
	}
	return g.follow(p, out, q.Timeout)
}

// mayDial returns who dials out, unless nobody may.
func (g *Registry) mayDial() (Dialer, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.draining:
		return nil, errorf(Draining, "dial", "the server is about to end and calls nobody")
	case g.dialer == nil:
		return nil, errorf(Forbidden, "dial", "this server does not dial out")
	}
	return g.dialer, nil
}

// follow makes a call that has begun known to its room, unless it is over already.
func (g *Registry) follow(p *Participant, out Outgoing, timeout time.Duration) (ParticipantSnapshot, error) {
	s, err := askOf(p, func(r *room) (ParticipantSnapshot, error) {
		if p.dial != nil {
			r.announce(p)
			p.dial.call = out
			p.dial.deadline = g.deadlines.after(timeout, p.dialTimedOut)
		}
		return p.snapshot(), nil
	})
	switch {
	case err == nil:
		return s, nil
	case p.abandoned != nil: // who has left changes no more
		out.Cancel(*p.abandoned)
		return s, err
	}
	return p.snapshot(), nil // events have told how it failed
}

// dialTimedOut gives up on who does not answer.
func (p *Participant) dialTimedOut() {
	_ = tellOf(p, func(r *room) error {
		if p.dial != nil {
			r.giveUp(p, OutcomeUnanswered, Reason{Code: ReasonTimedOut, Text: "nobody answered"})
		}
		return nil
	})
}

// expect keeps a place for a call that is about to begin. This and what follows is called
// by the room's goroutine.
func (r *room) expect(p *Participant) error {
	if err := r.hasPlace("dial"); err != nil {
		return err
	}
	if err := r.fits("dial", p.hearer()); err != nil {
		return err
	}
	r.dialling[p] = struct{}{}
	return nil
}

// announce puts who is dialled into the roster, once.
func (r *room) announce(p *Participant) {
	if p.dial.told {
		return
	}
	p.dial.told = true
	delete(r.dialling, p)
	r.seat(p)
	r.tell(p, Event{Kind: ParticipantCalling})
	r.log.Debug("participant called", "participant", p.id)
}

// forgetDial ends a call that nobody was told of.
func (r *room) forgetDial(p *Participant, why Reason) {
	delete(r.dialling, p)
	p.abandoned = &why
	r.endDial(p)
}

// endDial ends what there is besides the roster.
func (r *room) endDial(p *Participant) {
	p.dial.deadline.cancel()
	p.dial, p.state = nil, StateFailed
	close(p.gone)
	r.registry.release()
}

// cancelDial ends a call before it is answered, at the wish of this side.
func (r *room) cancelDial(p *Participant, why Reason) { r.giveUp(p, OutcomeCancelled, why) }

// giveUp has signalling end a call that is not answered.
func (r *room) giveUp(p *Participant, o Outcome, why Reason) {
	if p.dial.call != nil {
		p.dial.call.Cancel(why)
	} else {
		p.abandoned = &why
	}
	r.failDial(p, DialFailure{Outcome: o, Text: why.Text}, why)
}

// failDial tells that a call came to nothing.
func (r *room) failDial(p *Participant, f DialFailure, why Reason) {
	r.announce(p)
	delete(r.participants, p.id)
	r.endDial(p)
	r.tell(p, Event{Kind: ParticipantFailed, Failure: &f, Reason: why})
	r.registry.recordCall(r, p, why, f.Outcome, f.Status)
	r.log.Debug("participant not reached", "participant", p.id, "outcome", string(f.Outcome), "status", f.Status)
}

// progress is how signalling tells a room about a call.
type progress struct{ p *Participant }

func (g progress) Ringing(bool) {
	p := g.p
	_ = tellOf(p, func(r *room) error {
		if p.dial == nil {
			return nil
		}
		r.announce(p)
		if p.state == StateCalling {
			p.state = StateRinging
			r.tell(p, Event{Kind: ParticipantRinging})
		}
		return nil
	})
}

func (g progress) Answered(i Info, m Media, c Call) (*Participant, error) {
	p := g.p
	l := m.leg()
	err := tellOf(p, func(r *room) error {
		if p.dial == nil {
			return errorf(Conflict, "answer", "the call has been answered already")
		}
		r.announce(p)
		p.dial.deadline.cancel()
		p.dial = nil
		i.Direction = Outbound
		p.info = i
		p.settings.Muted = p.settings.Muted || r.def.MutedOnEntry || p.settings.Delivery == DeliverMulticast
		p.connect(m, l, c)
		r.admit(p)
		if r.wantsGroup(p) {
			p.deliverSoon()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	p.room.Load().registry.joined.Add(1)
	return p, nil
}

func (g progress) Failed(f DialFailure) {
	p := g.p
	_ = tellOf(p, func(r *room) error {
		if p.dial != nil {
			r.failDial(p, f, Reason{Code: ReasonFailed, Text: f.Text})
		}
		return nil
	})
}
