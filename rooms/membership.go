package rooms

import "time"

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
	r.onAir() // before p is among those who hear
	p.joined = time.Now()
	p.live.Load().joined.Store(p.joined.UnixNano())
	p.setState()
	r.enter(p)
	r.registry.ledger.open(p)
	c := p.changeFrom(ParticipantSettings{})
	c.mixes = r.mixes()
	r.stage.attach(&p.leg, c)
	r.enterVideo(p, p.offered)
	p.offered = nil
	if p.video != nil {
		r.restate(p) // which its first event tells
	}
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
	gone := newTally(func() {
		close(p.gone)
		r.detaching.Done()
	})
	r.leaveVideo(p, gone)
	r.stage.detach(&p.leg, change{mixes: r.mixes(), done: gone.finish})
	p.setTalking(false)
	p.onGroup = false
	r.tell(p, Event{Kind: ParticipantLeft, Reason: why})
	r.forgetListener(p, why)
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
	all := newTally(func() { close(done) })
	c := change{do: u.Do, done: all.finish}
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
	if u.Video != nil {
		r.updateVideo(p, u.Video, all)
	}
	r.stage.change(&p.leg, c)
	if p.state != was {
		r.noteState(p)
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
