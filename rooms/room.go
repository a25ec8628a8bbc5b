package rooms

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/confd/confd/mixer"
)

// mediaQueue is how many events of the media plane a room may be behind. Each costs
// 40 bytes in every room.
const mediaQueue = 128

// errEnded is what a verb gets when its room or its participant is no more.
var errEnded = &Error{Code: NotFound, Op: "room", Message: "the participant has left, or the room has ended"}

// call is one request to a room's goroutine, with the way back.
type call[Q, A any] struct {
	request Q
	answer  chan result[A]
}

type result[A any] struct {
	value A
	err   error
}

// serve answers c with what f makes of it.
func (c call[Q, A]) serve(f func(Q) (A, error)) {
	v, err := f(c.request)
	c.answer <- result[A]{v, err}
}

// ask has the room's goroutine answer q. It does not wait for media, so it needs no
// context. A room that has ended answers errEnded.
func ask[Q, A any](r *room, to chan call[Q, A], q Q) (A, error) {
	c := call[Q, A]{q, make(chan result[A], 1)}
	select {
	case to <- c:
		res := <-c.answer
		return res.value, res.err
	case <-r.done:
		var none A
		return none, errEnded
	}
}

type (
	none          struct{}
	ticked        = <-chan struct{} // closed at the tick that has done what was asked
	updateRequest struct {
		p *Participant
		u MediaUpdate
	}
	settingRequest struct {
		p           *Participant
		muted, deaf *bool
	}
	digitRequest struct {
		p    *Participant
		key  byte
		held time.Duration
	}
	lossRequest struct {
		p    *Participant
		lost bool
	}
	leaveRequest struct {
		p   *Participant
		why Reason
		end bool // ask the call to end
	}
)

// room is one conference. Its goroutine is run; all requests go through the unbuffered
// channels, so that whatever has been received is answered, and whatever has not sees done.
type room struct {
	// Fixed at birth.
	name     Name
	registry *Registry
	stage    stage
	log      *slog.Logger
	opened   time.Time

	// In.
	joins     chan call[*Participant, none]
	leaves    chan call[leaveRequest, none]
	updates   chan call[updateRequest, ticked]
	settings  chan call[settingRequest, ticked]
	digits    chan call[digitRequest, none]
	losses    chan call[lossRequest, none]
	snapshots chan call[none, RoomSnapshot]
	finds     chan call[string, *Participant]
	closes    chan call[Reason, none]
	media     chan mixer.Event // from the media thread
	missed    atomic.Bool      // media overflowed since the last look

	// Out.
	done  chan struct{} // closed when the room takes no more requests
	ended chan struct{} // closed when nothing is left of it

	// Accessed by run only.
	participants map[string]*Participant
	byInput      map[*mixer.Input]*Participant
	seq          uint64 // of its last event
	why          Reason // it ends
	detaching    sync.WaitGroup
}

func newRoom(g *Registry, name Name) *room {
	r := &room{
		name:         name,
		registry:     g,
		log:          g.config.Logger.With("room", string(name)),
		opened:       time.Now(),
		joins:        make(chan call[*Participant, none]),
		leaves:       make(chan call[leaveRequest, none]),
		updates:      make(chan call[updateRequest, ticked]),
		settings:     make(chan call[settingRequest, ticked]),
		digits:       make(chan call[digitRequest, none]),
		losses:       make(chan call[lossRequest, none]),
		snapshots:    make(chan call[none, RoomSnapshot]),
		finds:        make(chan call[string, *Participant]),
		closes:       make(chan call[Reason, none]),
		media:        make(chan mixer.Event, mediaQueue),
		done:         make(chan struct{}),
		ended:        make(chan struct{}),
		participants: make(map[string]*Participant),
		byInput:      make(map[*mixer.Input]*Participant),
		why:          Reason{Code: ReasonEmpty},
	}
	r.stage = g.newStage(r.hear)
	return r
}

// hear takes an event on the media thread.
func (r *room) hear(e mixer.Event) {
	select {
	case r.media <- e:
	default:
		r.missed.Store(true)
		r.registry.mediaMissed.Add(1)
	}
}

// run owns the room from its first participant to its end; started is closed when that one
// is in.
func (r *room) run(first *Participant, started chan<- struct{}) {
	r.publish(Event{Kind: RoomOpened})
	r.log.Info("room opened")
	_, _ = r.doJoin(first) // nobody is in the way of the first
	close(started)
	for len(r.participants) > 0 {
		select {
		case c := <-r.joins:
			c.serve(r.doJoin)
		case c := <-r.leaves:
			c.serve(r.doLeave)
		case c := <-r.updates:
			c.serve(r.doUpdate)
		case c := <-r.settings:
			c.serve(r.doSetting)
		case c := <-r.digits:
			c.serve(r.doDigit)
		case c := <-r.losses:
			c.serve(r.doLoss)
		case c := <-r.snapshots:
			c.serve(r.doSnapshot)
		case c := <-r.finds:
			c.serve(r.doFind)
		case c := <-r.closes:
			c.serve(r.doClose)
		case e := <-r.media:
			r.doMedia(e)
		}
	}
	r.end()
}

// end gives everything back. The room closes before its name is free, so that a room of
// the same name opens after it in the order of events.
func (r *room) end() {
	r.publish(Event{Kind: RoomClosed, Reason: r.why})
	r.log.Info("room closed", "reason", r.why.String())
	r.registry.forget(r)
	close(r.done)
	r.detaching.Wait()
	r.registry.bury(r)
	close(r.ended)
}

func (r *room) publish(e Event) {
	e.Room = r.name
	r.seq = r.registry.hub.publish(e)
}

// tell publishes an event of p's.
func (r *room) tell(p *Participant, e Event) {
	s := p.snapshot()
	e.Participant = &s
	r.publish(e)
}

func (r *room) doJoin(p *Participant) (none, error) {
	if limit := r.registry.config.MaxPerRoom; len(r.participants) >= limit {
		return none{}, errorf(Full, "join", "room %q has %d participants, as many as rooms.max_participants allows", r.name, limit)
	}
	p.room, p.joined = r, time.Now()
	r.participants[p.id] = p
	if p.leg.in != nil {
		r.byInput[p.leg.in] = p
	}
	r.registry.ledger.open(p)
	r.stage.attach(&p.leg)
	r.tell(p, Event{Kind: ParticipantJoined})
	r.log.Debug("participant joined", "participant", p.id, "call_id", p.info.CallID)
	return none{}, nil
}

func (r *room) doLeave(q leaveRequest) (none, error) {
	if q.p.left {
		return none{}, errEnded
	}
	r.remove(q.p, q.why)
	if q.end && q.p.call != nil {
		q.p.call.End(q.why)
	}
	return none{}, nil
}

func (r *room) remove(p *Participant, why Reason) {
	p.left = true
	delete(r.participants, p.id)
	delete(r.byInput, p.leg.in)
	r.detaching.Add(1)
	r.stage.detach(&p.leg, func() {
		close(p.gone)
		r.detaching.Done()
	})
	p.talking = false
	r.tell(p, Event{Kind: ParticipantLeft, Reason: why})
	r.registry.ledger.close(p)
	r.registry.release()
	r.log.Debug("participant left", "participant", p.id, "call_id", p.info.CallID, "reason", why.String())
}

func (r *room) doClose(why Reason) (none, error) {
	r.why = why
	for _, p := range r.inOrder() {
		r.remove(p, why)
		if p.call != nil {
			p.call.End(why)
		}
	}
	return none{}, nil
}

func (r *room) doUpdate(q updateRequest) (ticked, error) {
	if q.p.left {
		return nil, errEnded
	}
	done := make(chan struct{})
	c := change{do: q.u.Do, send: q.u.Send, done: func() { close(done) }}
	if q.u.Receive != nil {
		q.p.receive = *q.u.Receive
		receive := q.p.effective()
		c.receive = &receive
	}
	r.stage.change(&q.p.leg, c)
	return done, nil
}

func (r *room) doSetting(q settingRequest) (ticked, error) {
	p := q.p
	if p.left {
		return nil, errEnded
	}
	done := make(chan struct{})
	c := change{done: func() { close(done) }}
	changed := false
	if q.muted != nil && *q.muted != p.muted {
		p.muted, changed = *q.muted, true
		receive := p.effective()
		c.receive = &receive
	}
	if q.deaf != nil && *q.deaf != p.deaf {
		p.deaf, changed = *q.deaf, true
		c.deaf = q.deaf
	}
	r.stage.change(&p.leg, c)
	if changed {
		r.tell(p, Event{Kind: ParticipantChanged})
	}
	return done, nil
}

func (r *room) doDigit(q digitRequest) (none, error) {
	if q.p.left {
		return none{}, errEnded
	}
	r.tellDigit(q.p, q.key, q.held)
	return none{}, nil
}

// tellDigit tells of a key. Keys may be somebody's secret, so that only the debug log has
// them.
func (r *room) tellDigit(p *Participant, key byte, held time.Duration) {
	r.tell(p, Event{Kind: DigitPressed, Digit: key, Duration: held})
	r.log.Debug("digit", "participant", p.id, "digit", string(rune(key)), "held", held)
}

func (r *room) doLoss(q lossRequest) (none, error) {
	switch p := q.p; {
	case p.left:
		return none{}, errEnded
	case p.lost == q.lost:
	case q.lost:
		p.lost = true
		r.tell(p, Event{Kind: MediaLost})
		r.log.Debug("media lost", "participant", p.id)
	default:
		p.lost = false
		r.tell(p, Event{Kind: MediaResumed})
		r.log.Debug("media resumed", "participant", p.id)
	}
	return none{}, nil
}

func (r *room) doFind(id string) (*Participant, error) {
	if p := r.participants[id]; p != nil {
		return p, nil
	}
	return nil, errorf(NotFound, "find participant", "nobody in room %q has the id %q", r.name, id)
}

func (r *room) doSnapshot(none) (RoomSnapshot, error) {
	s := RoomSnapshot{Name: r.name, Seq: r.seq, Opened: r.opened}
	for _, p := range r.inOrder() {
		s.Participants = append(s.Participants, p.snapshot())
	}
	return s, nil
}

// inOrder returns the participants as they joined.
func (r *room) inOrder() []*Participant {
	all := make([]*Participant, 0, len(r.participants))
	for _, p := range r.participants {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *Participant) int { return a.joined.Compare(b.joined) })
	return all
}
