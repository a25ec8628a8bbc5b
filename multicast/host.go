package multicast

import (
	"log/slog"
	"sync"
)

// Host gives rooms their groups. Any goroutine may use it.
type Host struct {
	config Config
	log    *slog.Logger

	mu     sync.Mutex
	given  *allocator
	groups map[*Group]bool
	closed bool
}

// Stats are the counts of a host.
type Stats struct {
	Groups int // claimed
	Open   int // of them, those that send
}

// NewHost makes a host; what is wrong with its config is an *Error.
func NewHost(c Config) (*Host, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Host{config: c, log: c.Logger, given: newAllocator(&c), groups: map[*Group]bool{}}, nil
}

// Claim gives a room a group, without opening a socket. Keep is what the room had before, nil
// for none: it gets that again if nobody else has it and the spec still allows it. Title is
// what descriptions show. Errors are of type *Error.
func (h *Host) Claim(room, title string, s Spec, keep *Place) (*Group, error) {
	if !h.config.Enabled {
		return nil, &Error{Code: Unavailable, Message: "multicast is switched off on this server"}
	}
	if err := s.Check(&h.config); err != nil {
		return nil, err
	}
	if keep == nil {
		keep = &Place{}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, &Error{Code: Unavailable, Message: "the server is about to end"}
	}
	s = s.Filled()
	place, err := h.given.take(room, s, *keep)
	if err != nil {
		return nil, err
	}
	g := newGroup(h, room, title, s, place)
	h.groups[g] = true
	return g, nil
}

// release takes a group's place back.
func (h *Host) release(g *Group) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.groups[g] {
		delete(h.groups, g)
		h.given.give(g.place)
	}
}

// Stats returns the counts of the moment.
func (h *Host) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Stats{Groups: len(h.groups)}
}

// Close closes and releases all groups. Their sinks must have been detached.
func (h *Host) Close() {
	h.mu.Lock()
	h.closed = true
	var all []*Group
	for g := range h.groups {
		all = append(all, g)
	}
	h.mu.Unlock()
	for _, g := range all {
		g.Release()
	}
}
