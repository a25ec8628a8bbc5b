package multicast

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
)

// Expectation waits for a report of a listener on the stream, which shows that the group
// reaches it. Any goroutine may use it.
type Expectation struct {
	group *Group
	from  []netip.Addr
	met   atomic.Bool
}

// expectations are those of a group, by address.
type expectations struct {
	mu   sync.Mutex
	from map[netip.Addr][]*Expectation
}

// Expect waits for a report from one of some addresses; invalid ones are passed over. Several
// listeners may share an address: a report of any is taken for all. Close ends it.
func (g *Group) Expect(from ...netip.Addr) *Expectation {
	e := &Expectation{group: g}
	g.expected.mu.Lock()
	defer g.expected.mu.Unlock()
	if g.expected.from == nil {
		g.expected.from = make(map[netip.Addr][]*Expectation)
	}
	for _, a := range from {
		if a = a.Unmap().WithZone(""); a.IsValid() && !slices.Contains(e.from, a) {
			e.from = append(e.from, a)
			g.expected.from[a] = append(g.expected.from[a], e)
		}
	}
	return e
}

// Met tells whether a report has come.
func (e *Expectation) Met() bool { return e.met.Load() }

// Close waits no more. It may be called again.
func (e *Expectation) Close() {
	t := &e.group.expected
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range e.from {
		rest := slices.DeleteFunc(t.from[a], func(x *Expectation) bool { return x == e })
		if t.from[a] = rest; len(rest) == 0 {
			delete(t.from, a)
		}
	}
}

// reported takes a report on the stream. Only addresses that somebody waits for take memory.
func (g *Group) reported(from netip.Addr) {
	g.expected.mu.Lock()
	defer g.expected.mu.Unlock()
	for _, e := range g.expected.from[from] {
		e.met.Store(true)
	}
}
