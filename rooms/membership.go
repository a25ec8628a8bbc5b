package rooms

import (
	"time"

	"github.com/confd/confd/mixer"
)

// What follows is called by the room's goroutine.

// mayJoin applies the room's settings to a call.
func (r *room) mayJoin(trusted bool) error {
	switch s := &r.def.Settings; {
	case s.Locked:
		return errorf(Locked, "join", "room %q is locked and takes nobody new", r.name)
	case s.Admission == AdmitInvited:
		return errorf(Forbidden, "join", "room %q has admission = invited: nobody joins it by calling", r.name)
	case s.Admission == AdmitPrivate && !trusted:
		return errorf(Forbidden, "join", "room %q has admission = private: only callers from trusted networks join it", r.name)
	}
	return r.hasPlace("join")
}

// hasPlace applies the limit on participants.
func (r *room) hasPlace(op string) error {
	limit := r.registry.config.MaxPerRoom
	if own := r.def.MaxParticipants; own > 0 && own < limit {
		limit = own
	}
	if n := len(r.participants) + len(r.dialling); n >= limit {
		return errorf(Full, op, "room %q has %d participants, as many as max_participants allows", r.name, n)
	}
	return nil
}

// join takes in who called.
func (r *room) join(p *Participant, trusted bool) error {
	if err := r.mayJoin(trusted); err != nil {
		return err
	}
	p.room.Store(r)
	p.settings.Muted = r.def.MutedOnEntry
	r.seat(p)
	r.admit(p)
	return nil
}

// seat puts p into the roster.
func (r *room) seat(p *Participant) {
	r.open()
	r.places++
	p.place = r.places
	p.rooms = append(p.rooms, r.name)
	r.participants[p.id] = p
	r.record.peak = max(r.record.peak, len(r.participants))
}

// admit lets p, which is seated and has media, into the conference.
func (r *room) admit(p *Participant) {
	p.joined = time.Now()
	p.live.Load().joined.Store(p.joined.UnixNano())
	p.setState()
	r.enter(p)
	r.registry.ledger.open(p)
	c := change{mixes: r.mixes()}
	if p.settings.Muted || p.settings.Held || p.settings.InputGain != 0 {
		c.receive = p.receiving()
	}
	if p.settings.OutputGain != 0 {
		c.send = p.sending()
	}
	r.stage.attach(&p.leg, c)
	r.tell(p, Event{Kind: ParticipantJoined})
	r.log.Debug("participant joined", "participant", p.id, "call_id", p.info.CallID)
}

// enter notes that p's media are in this conference.
func (r *room) enter(p *Participant) {
	r.record.joined++
	if p.leg.in != nil {
		r.byInput[p.leg.in] = p
	}
}

// setState tells connected from held.
func (p *Participant) setState() {
	p.state = StateConnected
	if p.settings.Held || p.receive.Held {
		p.state = StateHeld
	}
}

// remove takes p out, and with end asks its call to end.
func (r *room) remove(p *Participant, why Reason, end bool) {
	if p.dial != nil {
		r.cancelDial(p, why)
		return
	}
	delete(r.participants, p.id)
	delete(r.byInput, p.leg.in)
	p.state = StateLeft
	r.detaching.Add(1)
	r.stage.detach(&p.leg, change{mixes: r.mixes(), done: func() {
		close(p.gone)
		r.detaching.Done()
	}})
	p.setTalking(false)
	r.tell(p, Event{Kind: ParticipantLeft, Reason: why})
	r.registry.recordCall(r, p, why, OutcomeAnswered, 0)
	r.registry.ledger.close(p)
	r.registry.release()
	r.log.Debug("participant left", "participant", p.id, "call_id", p.info.CallID, "reason", why.String())
	if end && p.call != nil {
		p.call.End(why)
	}
}

// clear ends everybody's participation, and returns who had one.
func (r *room) clear(why Reason) []*Participant {
	r.why = why
	all := r.inOrder()
	for p := range r.dialling {
		r.forgetDial(p, why)
		all = append(all, p)
	}
	for _, p := range all {
		if !p.left() {
			r.remove(p, why, true)
		}
	}
	return all
}

// update makes a change that signalling negotiated.
func (r *room) update(p *Participant, u MediaUpdate) ticked {
	done := make(chan struct{})
	c := change{do: u.Do, done: func() { close(done) }}
	was := p.state
	if u.Receive != nil {
		p.receive = *u.Receive
		c.receive = p.receiving()
		p.setState()
	}
	if u.Send != nil {
		p.send = *u.Send
		c.send = p.sending()
		p.live.Load().setFormat(u.Send.Format)
	}
	r.stage.change(&p.leg, c)
	if p.state != was {
		r.tell(p, Event{Kind: ParticipantUpdated})
	}
	return done
}

// tellDigit tells of a key. Keys may be somebody's secret, so that only the debug log has
// them.
func (r *room) tellDigit(p *Participant, key byte, held time.Duration) {
	r.tell(p, Event{Kind: DigitPressed, Digit: key, Duration: held})
	r.log.Debug("digit", "participant", p.id, "digit", string(rune(key)), "held", held)
}

func (r *room) setLost(p *Participant, lost bool) {
	if p.lost == lost {
		return
	}
	p.lost = lost
	if lost {
		r.tell(p, Event{Kind: MediaLost})
		r.log.Debug("media lost", "participant", p.id)
		return
	}
	r.tell(p, Event{Kind: MediaResumed})
	r.log.Debug("media resumed", "participant", p.id)
}

// tuning is what the settings ask of the media plane.
func (r *room) tuning() tuning {
	return tuning{talkers: r.def.Talkers, rate: r.def.SampleRate}
}

// mixes returns who hears whom, nil if everyone hears everyone as before.
func (r *room) mixes() []recipe {
	special := len(r.playing) > 0
	for _, p := range r.participants {
		s := &p.settings
		special = special || s.Hears != nil || s.HeardBy != nil || s.Pinned || s.Deaf || s.Held
	}
	if !special && r.last == nil {
		return nil
	}
	mixes := r.compile()
	r.last = mixes
	if !special {
		r.last = nil
	}
	return mixes
}

// compile returns the recipes of all mixes.
func (r *room) compile() []recipe {
	var hearers []hearer
	var legs []*leg
	var pinned []*mixer.Input
	for _, p := range r.inOrder() {
		if !p.connected() {
			continue
		}
		hearers = append(hearers, p.hearer())
		legs = append(legs, &p.leg)
		if p.settings.Pinned && p.leg.in != nil {
			pinned = append(pinned, p.leg.in)
		}
	}
	for _, a := range r.announcements() {
		hearers = append(hearers, a.hearer())
		legs = append(legs, &a.leg)
		pinned = append(pinned, a.leg.in)
	}
	return recipes(arrange(hearers), legs, pinned)
}

func (p *Participant) hearer() hearer {
	s := &p.settings
	return hearer{
		id: p.id, groups: s.Groups, hears: s.Hears, heardBy: s.HeardBy,
		listens: p.leg.out != nil, speaks: p.leg.in != nil, deaf: s.Deaf || s.Held,
	}
}

// recipes puts an arrangement into the words of the stage: each mix by whom it takes, or by
// whom it leaves out if that is shorter.
func recipes(a arrangement, legs []*leg, pinned []*mixer.Input) []recipe {
	all := make([]recipe, len(a.mixes))
	for i, set := range a.mixes {
		var in, out []*mixer.Input
		for j, l := range legs {
			switch {
			case l.in == nil:
			case set.has(j):
				in = append(in, l.in)
			default:
				out = append(out, l.in)
			}
		}
		all[i] = recipe{inputs: in}
		if len(out) < len(in) || len(in) == 0 && len(out) == 0 {
			all[i] = recipe{all: true, inputs: out}
		}
		for _, p := range pinned {
			if contains(in, p) {
				all[i].pinned = append(all[i].pinned, p)
			}
		}
	}
	for j, m := range a.of {
		if m >= 0 {
			all[m].listeners = append(all[m].listeners, legs[j])
		}
	}
	return all
}

func contains(all []*mixer.Input, one *mixer.Input) bool {
	for _, in := range all {
		if in == one {
			return true
		}
	}
	return false
}
