package rooms

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/confd/confd/mixer"
	"github.com/confd/confd/multicast"
)

// mediaQueue is how many events of the media plane a room may be behind. Each costs
// 64 bytes in every open room.
const mediaQueue = 128

// errEnded is what a verb gets when its room or its participant is no more.
var errEnded = &Error{Code: NotFound, Op: "room", Message: "the participant has left, or the room has ended"}

// room is one room, with or without a conference in it. Its goroutine is run; everything
// that is asked of it goes through one unbuffered channel, so that whatever has been
// received is answered, and whatever has not sees done.
type room struct {
	// Fixed at birth.
	name     Name
	registry *Registry
	log      *slog.Logger

	requests chan func()   // in
	done     chan struct{} // closed when the room takes no more requests
	ended    chan struct{} // closed when nothing is left of it

	// Accessed by run only.
	def          Definition
	persistent   bool
	participants map[string]*Participant
	dialling     map[*Participant]struct{} // places kept for dial-outs that are not told yet
	playing      map[string]*playing
	byInput      map[*mixer.Input]*Participant
	places       uint64    // numbers participants as they come
	last         []recipe  // what the stage was told of who hears whom; nil if all hear all
	seq          uint64    // of its last event
	over         bool      // it ends
	retired      bool      // and is not deleted, if the API made it
	why          Reason    // it, or its conference, ends
	idle         *deadline // when it will have been empty for too long
	idleSince    time.Time
	detaching    sync.WaitGroup

	// The multicast group.
	group     *multicast.Group // nil without one
	broadcast *leg             // its place in the conference; nil while it does not send
	silent    bool             // it could not be opened, and that is logged
	described uint64           // version of the description that was told; 0 is none
	renewed   uint64           // times that group, key or source changed

	// The conference: nil and zero while there is none.
	conference string
	opened     time.Time
	stage      stage
	media      chan mixer.Event // from the media thread
	pictures   chan struct{}    // says that the forwarder has news; nil without video
	video      *roomVideo       // nil as long as nobody has had video lines
	missed     *atomic.Bool     // media overflowed since the last look
	record     conferenceFigures
}

func newRoom(g *Registry, name Name) *room {
	return &room{
		name:         name,
		registry:     g,
		log:          g.config.Logger.With("room", string(name)),
		requests:     make(chan func()),
		done:         make(chan struct{}),
		ended:        make(chan struct{}),
		def:          newDefinition(name, Settings{}),
		participants: make(map[string]*Participant),
		dialling:     make(map[*Participant]struct{}),
		playing:      make(map[string]*playing),
		byInput:      make(map[*mixer.Input]*Participant),
	}
}

// ask has the room's goroutine call f. It waits neither for media nor for a disk, so it
// needs no context. A room that has ended answers errEnded.
func ask[A any](r *room, f func() (A, error)) (A, error) {
	type result struct {
		value A
		err   error
	}
	answer := make(chan result, 1)
	select {
	case r.requests <- func() {
		v, err := f()
		answer <- result{v, err}
	}:
		res := <-answer
		return res.value, res.err
	case <-r.done:
		var none A
		return none, errEnded
	}
}

// tellRoom is ask for what has no answer.
func tellRoom(r *room, f func() error) error {
	_, err := ask(r, func() (struct{}, error) { return struct{}{}, f() })
	return err
}

// run owns the room from first, which happens before anything else, to its end.
func (r *room) run(first func()) {
	first()
	for r.settle(); !r.over; r.settle() {
		select {
		case f := <-r.requests:
			f()
		case e := <-r.media:
			r.doMedia(e)
		case <-r.pictures:
			r.doVideo()
		}
	}
	r.end()
}

// settle looks after each request whether the room has become empty, and what follows.
func (r *room) settle() {
	r.review()
	if len(r.participants)+len(r.dialling) > 0 {
		r.idle.cancel()
		r.idle = nil
		return
	}
	timeout := r.def.EmptyTimeout
	switch {
	case r.over:
	case r.persistent || timeout > 0:
		if r.persistent {
			r.close()
		}
		if timeout > 0 && r.idle == nil {
			r.idleSince = time.Now()
			r.idle = r.registry.deadlines.after(timeout, func() { r.registry.expire(r) })
		}
	default:
		r.over = true
	}
}

// open begins a conference, unless there is one.
func (r *room) open() {
	if r.stage != nil {
		return
	}
	media, missed := make(chan mixer.Event, mediaQueue), new(atomic.Bool)
	r.media, r.missed = media, missed
	r.stage = r.registry.newStage(r.tuning(), func(e mixer.Event) {
		select {
		case media <- e:
		default:
			missed.Store(true)
			r.registry.mediaMissed.Add(1)
		}
	})
	r.opened = time.Now()
	r.conference = newID(r.opened)
	r.why, r.last, r.record = Reason{Code: ReasonEmpty}, nil, conferenceFigures{}
	r.registry.opened.Add(1)
	r.registry.openNow.Add(1)
	r.tellOfRoom(Event{Kind: RoomOpened})
	r.onAir()
	r.log.Info("room opened")
}

// close ends the conference, if there is one.
func (r *room) close() {
	if r.stage == nil {
		return
	}
	r.stopPlaying(r.why)
	r.offAir()
	r.closeVideo()
	r.registry.recordConference(r)
	r.stage, r.media, r.missed = nil, nil, nil
	r.opened, r.conference = time.Time{}, ""
	r.registry.openNow.Add(-1)
	r.tellOfRoom(Event{Kind: RoomClosed, Reason: r.why})
	r.log.Info("room closed", "reason", r.why.String())
}

// end gives everything back. The room closes before its name is free, so that a room of
// the same name opens after it in the order of events.
func (r *room) end() {
	r.idle.cancel()
	r.close()
	r.dropGroup()
	if r.persistent && !r.retired {
		r.tellOfRoom(Event{Kind: RoomDeleted, Reason: r.why})
	}
	r.registry.forget(r)
	close(r.done)
	r.detaching.Wait()
	r.registry.bury(r)
	close(r.ended)
}

// retire ends the room because the server ends.
func (r *room) retire(why Reason) {
	r.clear(why)
	r.over, r.retired = true, true
}

func (r *room) publish(e Event) {
	e.Room = r.name
	r.seq = r.registry.hub.publish(e)
}

// tellOfRoom publishes an event of the room's own.
func (r *room) tellOfRoom(e Event) {
	s := r.brief()
	e.RoomInfo = &s
	r.publish(e)
}

// tell publishes an event of p's.
func (r *room) tell(p *Participant, e Event) {
	s := p.snapshot()
	e.Participant = &s
	r.publish(e)
}

// brief is a snapshot without participants, of which there may be many.
func (r *room) brief() RoomSnapshot {
	s := RoomSnapshot{
		Name: r.name, Seq: r.seq, Settings: r.def.Settings.clone(), Persistent: r.persistent,
		Version: r.def.Version, Created: r.def.Created, Updated: r.def.Updated,
		Opened: r.opened, Conference: r.conference, Count: len(r.participants),
		Group: r.groupSnapshot(), VideoNow: r.videoSnapshot(), place: r.def.Place,
	}
	if r.stage != nil {
		s.Rate = r.stage.rate()
	}
	return s
}

// asked is brief for who asks.
func (r *room) asked() (RoomSnapshot, error) { return r.brief(), nil }

// inOrder returns the participants as they came.
func (r *room) inOrder() []*Participant {
	all := make([]*Participant, 0, len(r.participants))
	for _, p := range r.participants {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *Participant) int { return int(int64(a.place - b.place)) })
	return all
}

func (r *room) find(id string) (*Participant, error) {
	if p := r.participants[id]; p != nil {
		return p, nil
	}
	return nil, errorf(NotFound, "find participant", "nobody in room %q has the id %.80q", r.name, id)
}
