package rooms

import "context"

// Move takes a participant from one room to another without hanging up: its id, its call
// and its streams go on, and so do its settings. It leaves for [ReasonMoved] and joins the
// other room in the next event. Locks and admission do not stop it, the other room's limits
// do. It returns after the tick at which the participant has arrived. Errors: NotFound
// (the participant, or either room), Full (places, MaxMixes), Conflict if it is still being called, TimedOut
// (it moves all the same).
func (g *Registry) Move(ctx context.Context, from Name, id string, to Name) (ParticipantSnapshot, error) {
	const op = "move participant"
	p, err := g.Participant(from, id)
	if err != nil {
		return ParticipantSnapshot{}, err
	}
	target, err := g.find(to)
	if err != nil {
		return ParticipantSnapshot{}, err
	}
	if from == to {
		return p.Snapshot()
	}
	s, arrived, err := g.move(p, target, from)
	if err != nil {
		return s, err
	}
	return s, wait(ctx, arrived, op)
}

// move has both rooms stand still while the participant changes hands. Only one such pair
// exists at a time, so that no two rooms wait for each other.
func (g *Registry) move(p *Participant, to *room, from Name) (s ParticipantSnapshot, arrived ticked, err error) {
	g.moving.Lock()
	defer g.moving.Unlock()
	r := p.room.Load()
	if r.name != from || r == to {
		return s, nil, movedOn(from, p.id)
	}
	done := make(chan struct{})
	s, err = ask(to, func() (ParticipantSnapshot, error) {
		return ask(r, func() (ParticipantSnapshot, error) { return r.handOver(p, to, done) })
	})
	return s, done, err
}

// handOver gives p to a room that stands still. It is called by the goroutine of p's room.
func (r *room) handOver(p *Participant, to *room, done chan struct{}) (ParticipantSnapshot, error) {
	const op = "move participant"
	if p.left() {
		return ParticipantSnapshot{}, errEnded
	}
	if !p.connected() {
		return ParticipantSnapshot{}, errorf(Conflict, op, "the participant is %s; it can be moved once it is connected", p.state)
	}
	if err := to.hasPlace(op); err != nil {
		return ParticipantSnapshot{}, err
	}
	if err := to.fits(op, p.hearer()); err != nil {
		return ParticipantSnapshot{}, err
	}
	delete(r.participants, p.id)
	delete(r.byInput, p.leg.in)
	p.setTalking(false)
	gone := p.snapshot()
	gone.State = StateLeft
	r.publish(Event{Kind: ParticipantLeft, Participant: &gone, Reason: Reason{Code: ReasonMoved}, To: to.name})
	r.forgetListener(p, Reason{Code: ReasonMoved})
	p.described = 0 // of the other room's group
	leaving := change{mixes: r.mixes()}
	p.room.Store(to)
	to.seat(p)
	to.enter(p)
	r.moveVideo(p, to)
	r.stage.move(&p.leg, leaving, to.stage, change{mixes: to.mixes(), done: func() { close(done) }})
	to.tell(p, Event{Kind: ParticipantJoined, From: r.name})
	if p.onGroup || to.wantsGroup(p) {
		p.deliverSoon()
	}
	r.log.Debug("participant moved", "participant", p.id, "call_id", p.info.CallID, "to", string(to.name))
	return p.snapshot(), nil
}
