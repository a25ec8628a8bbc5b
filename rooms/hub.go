package rooms

import (
	"sync"
	"time"
)

// hub numbers events and hands them to subscribers. Publishing never blocks: a subscriber
// whose buffer is full is cut off.
type hub struct {
	mu          sync.Mutex
	seq         uint64
	kinds       map[EventKind]uint64 // published, by kind
	cut         uint64
	subscribers map[*subscriber]struct{}
	closed      bool
}

type subscriber struct {
	events chan Event
}

// publish stamps e, delivers it and returns its number.
func (h *hub) publish(e Event) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq++
	if h.kinds == nil {
		h.kinds = make(map[EventKind]uint64, len(eventKinds))
	}
	h.kinds[e.Kind]++
	e.Seq, e.Time = h.seq, time.Now()
	for s := range h.subscribers {
		select {
		case s.events <- e:
		default:
			h.cut++
			h.drop(s)
		}
	}
	return e.Seq
}

// subscribe returns a channel of every later event and what ends it.
func (h *hub) subscribe(buffer int) (<-chan Event, func()) {
	s := &subscriber{events: make(chan Event, max(buffer, 1))}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		close(s.events)
		return s.events, func() {}
	}
	if h.subscribers == nil {
		h.subscribers = make(map[*subscriber]struct{})
	}
	h.subscribers[s] = struct{}{}
	return s.events, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.drop(s)
	}
}

// drop closes s once; h.mu is held.
func (h *hub) drop(s *subscriber) {
	if _, ok := h.subscribers[s]; ok {
		delete(h.subscribers, s)
		close(s.events)
	}
}

// close ends every subscription, present and future.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for s := range h.subscribers {
		h.drop(s)
	}
}

// counts returns how many events of each kind were published, and how many subscribers did
// not keep up.
func (h *hub) counts() (published map[EventKind]uint64, cut uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	published = make(map[EventKind]uint64, len(eventKinds))
	for _, k := range eventKinds {
		published[k] = h.kinds[k]
	}
	return published, h.cut
}
