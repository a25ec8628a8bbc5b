package rooms

// historySize is how many events are remembered unless Config.History says otherwise.
const historySize = 4096

// history is the newest events, in a ring. The zero value remembers none.
type history struct {
	ring  []*Event
	limit int
	next  int // where the next one goes, once the ring is full
}

func (h *history) add(e *Event) {
	if len(h.ring) < h.limit {
		h.ring = append(h.ring, e)
		return
	}
	if h.limit > 0 {
		h.ring[h.next] = e
		h.next = (h.next + 1) % h.limit
	}
}

// after returns the events past seq that are wanted, oldest first; ok is false if some have
// been forgotten. newest is the number of the newest event there was.
func (h *history) after(seq, newest uint64, want func(Name) bool) (events []*Event, ok bool) {
	missed := newest - seq
	if missed > uint64(len(h.ring)) {
		return nil, false
	}
	for i := len(h.ring) - int(missed); i < len(h.ring); i++ {
		if e := h.ring[(h.next+i)%len(h.ring)]; want(e.Room) {
			events = append(events, e)
		}
	}
	return events, true
}
