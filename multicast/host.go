package multicast

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/confd/confd/multicast/control"
	"github.com/confd/confd/multicast/sap"
	"github.com/confd/confd/multicast/socket"
	"github.com/confd/confd/multicast/stream"
)

// Host gives rooms their groups. Any goroutine may use it.
type Host struct {
	config  Config
	log     *slog.Logger
	sap     *sap.Announcer
	version atomic.Uint64 // of the description that changed last

	mu      sync.Mutex
	given   *allocator
	groups  map[*Group]bool
	closed  bool
	past    GroupStats // of groups that were released
	unwatch func()     // nil until a group was open
}

// Stats are the counts of a host.
type Stats struct {
	Groups int // claimed
	Open   int // of them, those that send
	SAP    sap.Stats

	// Of all groups since the host was made, those that were released among them.
	Moved, Lost, Rekeyed uint64 // as GroupStats has them
	Stream               stream.Stats
	Control              control.Stats
	Pictures             stream.PictureStats
	VideoControl         control.Stats
}

// NewHost makes a host; what is wrong with its config is an *Error.
func NewHost(c Config) (*Host, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Host{config: c, log: c.Logger, sap: sap.New(c.SAP), given: newAllocator(&c), groups: map[*Group]bool{}}, nil
}

// Check says what is wrong with a spec on this server, as Spec.Check does.
func (h *Host) Check(s Spec) error { return s.Check(&h.config) }

// Claim gives a room a group, without opening a socket. Keep is what the room had before, nil
// for none: it gets that again if nobody else has it and the spec still allows it. What the room
// has already does not stand in its way: the group before is released later. Title is
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

// ntpEpoch is 1970 in seconds since 1900.
const ntpEpoch = 2208988800

// next returns a version for a description: greater than any before, and an NTP time at first,
// so that versions grow over a restart (RFC 8866 section 5.2).
func (h *Host) next() uint64 {
	for {
		last := h.version.Load()
		v := max(last+1, uint64(time.Now().Unix())+ntpEpoch)
		if h.version.CompareAndSwap(last, v) {
			return v
		}
	}
}

// release takes a group's place back.
func (h *Host) release(g *Group) {
	s := g.Stats()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.groups[g] {
		delete(h.groups, g)
		h.past.merge(&s)
		h.given.give(g.place)
	}
}

// watch has the groups follow their interfaces from now on.
func (h *Host) watch() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.unwatch == nil && !h.closed {
		h.unwatch = socket.Watch(h.follow)
	}
}

func (h *Host) follow() {
	for _, g := range h.all() {
		if g.follow() && h.config.Changed != nil {
			h.config.Changed(g.room)
		}
	}
}

func (h *Host) all() []*Group {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.groups))
}

// Stats returns the counts of the moment.
func (h *Host) Stats() Stats {
	s := Stats{SAP: h.sap.Stats()}
	h.mu.Lock()
	past := h.past
	groups := slices.Collect(maps.Keys(h.groups))
	h.mu.Unlock()
	for _, g := range groups {
		one := g.Stats()
		s.Groups++
		if one.Sending {
			s.Open++
		}
		past.merge(&one)
	}
	s.Moved, s.Lost, s.Rekeyed, s.Stream, s.Control = past.Moved, past.Lost, past.Rekeyed, past.Stream, past.Control
	s.Pictures, s.VideoControl = past.Pictures, past.VideoControl
	return s
}

// Close closes and releases all groups, and waits until they have said so.
func (h *Host) Close() {
	h.mu.Lock()
	h.closed = true
	unwatch := h.unwatch
	h.unwatch = nil
	h.mu.Unlock()
	if unwatch != nil {
		unwatch()
	}
	for _, g := range h.all() {
		g.Release()
	}
	h.sap.Close()
}
