package rooms

import (
	"context"
	"sync"
	"time"
)

// hub numbers events, keeps the newest, and hands them to subscribers. Publishing takes the
// same time however many there are: a goroutine of its own, which is there while there is
// something to do, wakes them. A subscriber whose buffer is full is cut off, so that nobody
// is waited for, and what is yet to be handed out stays bounded.
type hub struct {
	mu        sync.Mutex // of what follows
	seq       uint64
	kinds     map[EventKind]uint64 // published, by kind
	history   history
	roster    roster
	listeners int      // how many subscribers there are
	waiting   []*Event // to be handed out
	handing   bool     // the goroutine is there

	out         sync.Mutex // held before mu and while events are handed out, of what follows
	subscribers map[*Subscription]struct{}
	cut         uint64
	closed      bool
}

// SubscribeOptions say what a subscriber wants.
type SubscribeOptions struct {
	// Room leaves out what is not about this room; "" leaves out nothing.
	Room Name
	// After is the Seq of the last event that the subscriber knows: it goes on from there,
	// without gap or double, if everything since is still remembered. Otherwise, and with 0,
	// the first event is a SnapshotTaken.
	After uint64
	// Live lets the subscription begin with the next event, without snapshot or history.
	Live bool
	// Buffer is how many events the subscriber may be behind, 1 or more; 0 means 256.
	Buffer int
}

// Subscription is a stream of events.
type Subscription struct {
	hub    *hub
	room   Name
	after  uint64 // it has got all up to this one
	events chan *Event
}

// Events returns the stream. It is closed by Close, when the registry closes, or when the
// subscriber was too slow: then the way back is to subscribe again after the last Seq.
func (s *Subscription) Events() <-chan *Event { return s.events }

// Next waits for the next event. It returns false at the end of the stream or of ctx.
func (s *Subscription) Next(ctx context.Context) (*Event, bool) {
	select {
	case e, ok := <-s.events:
		return e, ok
	case <-ctx.Done():
		return nil, false
	}
}

// Close ends the subscription. It may be called more than once, by any goroutine.
func (s *Subscription) Close() {
	s.hub.out.Lock()
	defer s.hub.out.Unlock()
	s.hub.drop(s)
}

// wants tells whether an event of the room is for s.
func (s *Subscription) wants(room Name) bool { return s.room == "" || s.room == room }

// publish stamps e, has it delivered and returns its number.
func (h *hub) publish(e Event) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq++
	if h.kinds == nil {
		h.kinds = make(map[EventKind]uint64, len(eventKinds))
	}
	h.kinds[e.Kind]++
	e.Seq, e.Time = h.seq, time.Now()
	if e.RoomInfo != nil {
		e.RoomInfo.Seq = e.Seq
	}
	h.history.add(&e)
	h.roster.apply(&e)
	if h.listeners == 0 {
		return e.Seq
	}
	h.waiting = append(h.waiting, &e)
	if !h.handing {
		h.handing = true
		go h.handOut()
	}
	return e.Seq
}

// handOut delivers until nothing waits.
func (h *hub) handOut() {
	for h.deliver() {
	}
}

// deliver hands out what waits, and tells whether there was something.
func (h *hub) deliver() bool {
	h.out.Lock()
	defer h.out.Unlock()
	h.mu.Lock()
	events := h.waiting
	h.waiting, h.handing = nil, len(events) > 0
	h.mu.Unlock()
	for s := range h.subscribers {
		h.hand(s, events)
	}
	return len(events) > 0
}

// hand gives s its events, or cuts it off; h.out is held.
func (h *hub) hand(s *Subscription, events []*Event) {
	for _, e := range events {
		if e.Seq <= s.after || !s.wants(e.Room) {
			continue
		}
		select {
		case s.events <- e:
		default:
			h.cut++
			h.drop(s)
			return
		}
	}
}

// subscribe joins a stream to the history before it at one moment.
func (h *hub) subscribe(o SubscribeOptions) *Subscription {
	if o.Buffer <= 0 {
		o.Buffer = 256
	}
	h.out.Lock()
	defer h.out.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &Subscription{hub: h, room: o.Room, after: h.seq}
	first := h.opening(s, o)
	s.events = make(chan *Event, o.Buffer+len(first))
	for _, e := range first {
		s.events <- e
	}
	if h.closed {
		close(s.events)
		return s
	}
	if h.subscribers == nil {
		h.subscribers = make(map[*Subscription]struct{})
	}
	h.subscribers[s] = struct{}{}
	h.listeners++
	return s
}

// opening returns what s gets before the next event; h.mu is held.
func (h *hub) opening(s *Subscription, o SubscribeOptions) []*Event {
	if o.Live {
		return nil
	}
	if o.After > 0 && o.After <= h.seq {
		if missed, ok := h.history.after(o.After, h.seq, s.wants); ok {
			return missed
		}
	}
	return []*Event{h.roster.snapshot(o.Room, h.seq)}
}

// drop closes s once; h.out is held, and h.mu not.
func (h *hub) drop(s *Subscription) {
	if _, ok := h.subscribers[s]; ok {
		delete(h.subscribers, s)
		close(s.events)
		h.mu.Lock()
		h.listeners--
		h.mu.Unlock()
	}
}

// close hands out what waits and ends every subscription, present and future.
func (h *hub) close() {
	h.handOut()
	h.out.Lock()
	defer h.out.Unlock()
	h.closed = true
	for s := range h.subscribers {
		h.drop(s)
	}
}

// snapshot returns the rooms as the newest event left them.
func (h *hub) snapshot(room Name) *Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.roster.snapshot(room, h.seq)
}

// list returns the rooms of which want is true, without participants, by name.
func (h *hub) list(want func(Name) bool) []RoomSnapshot {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.roster.list(want)
}

// counts returns how many events of each kind were published, how many subscribers there
// are, and how many did not keep up.
func (h *hub) counts() (published map[EventKind]uint64, subscribers int, cut uint64) {
	h.out.Lock()
	defer h.out.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	published = make(map[EventKind]uint64, len(eventKinds))
	for _, k := range eventKinds {
		published[k] = h.kinds[k]
	}
	return published, len(h.subscribers), h.cut
}
