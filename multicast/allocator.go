package multicast

import (
	"fmt"
	"hash/fnv"
	"net/netip"
)

// allocator gives groups and ports, each to one room at a time. The search for a free one
// begins where the room's name says and goes on in steps that the name says, too: so a room
// mostly gets the same again, and where many are taken it is found in a few looks. The host's
// mutex guards it.
type allocator struct {
	pools  Pools
	low    int // first even port
	pairs  uint64
	groups holders[netip.Addr]
	ports  holders[int]
}

// holders are the rooms that have something, and how often: while a room changes its group it
// has the old one and the new one, which may be of the same place.
type holders[K comparable] map[K]holder

type holder struct {
	room  string
	times int
}

func (h holders[K]) free(k K, room string) bool { return h[k].times == 0 || h[k].room == room }

func (h holders[K]) take(k K, room string) { h[k] = holder{room, h[k].times + 1} }

func (h holders[K]) give(k K) {
	if h[k].times <= 1 {
		delete(h, k)
		return
	}
	h[k] = holder{h[k].room, h[k].times - 1}
}

func newAllocator(c *Config) *allocator {
	low := c.Ports[0] + c.Ports[0]&1
	return &allocator{pools: c.Pools, low: low, pairs: uint64(c.Ports[1]-low+1) / 2,
		groups: holders[netip.Addr]{}, ports: holders[int]{}}
}

// take finds a room its place, as it had it before if that can be.
func (a *allocator) take(room string, s Spec, keep Place) (p Place, err *Error) {
	if p.Group, err = a.group(room, s, keep.Group); err != nil {
		return Place{}, err
	}
	if p.Port, err = a.port(room, s.Port, keep.Port); err != nil {
		return Place{}, err
	}
	a.groups.take(p.Group, room)
	a.ports.take(p.Port, room)
	return p, nil
}

func (a *allocator) give(p Place) {
	a.groups.give(p.Group)
	a.ports.give(p.Port)
}

func (a *allocator) group(room string, s Spec, keep netip.Addr) (netip.Addr, *Error) {
	if s.Group.IsValid() {
		if !a.groups.free(s.Group, room) {
			return netip.Addr{}, &Error{Code: Taken, Field: "group",
				Message: fmt.Sprintf("%v belongs to another room: want another, or none for one from the pool", s.Group)}
		}
		return s.Group, nil
	}
	pool := a.pools.of(s.Mode, s.Family)
	if keep.IsValid() && pool.Contains(keep) && a.groups.free(keep, room) {
		return keep, nil
	}
	i, ok := probe(room, "group", pool.size, func(i uint64) bool {
		g := pool.at(i)
		return a.groups.free(g, room) && !flooded(g)
	})
	if !ok {
		return netip.Addr{}, &Error{Code: Full, Field: "group",
			Message: fmt.Sprintf("no address is left in the pool %q of mode %s, family %d: want a larger pool, or a group that is named", pool, s.Mode, s.Family)}
	}
	return pool.at(i), nil
}

func (a *allocator) port(room string, want, keep int) (int, *Error) {
	if want != 0 {
		if !a.ports.free(want, room) {
			return 0, &Error{Code: Taken, Field: "port",
				Message: fmt.Sprintf("%d belongs to another room: want another, or none for one from the pool", want)}
		}
		return want, nil
	}
	if keep >= a.low && keep < a.low+2*int(a.pairs) && keep%2 == 0 && a.ports.free(keep, room) {
		return keep, nil
	}
	i, ok := probe(room, "port", a.pairs, func(i uint64) bool { return a.ports.free(a.low+2*int(i), room) })
	if !ok {
		return 0, &Error{Code: Full, Field: "port",
			Message: fmt.Sprintf("all %d pairs of ports from %d on belong to rooms: want a wider range", a.pairs, a.low)}
	}
	return a.low + 2*int(i), nil
}

// probe looks through 0 to n-1 for one that is free, each once, in an order that is the
// room's own.
func probe(room, what string, n uint64, free func(uint64) bool) (uint64, bool) {
	if n == 0 {
		return 0, false
	}
	i, step := hash(what, room)%n, 1+hash(what+" step", room)%n
	for common(step, n) != 1 {
		step++
	}
	for range n {
		if free(i) {
			return i, true
		}
		i = (i + step) % n
	}
	return 0, false
}

func common(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// hash is the same in every run. What FNV leaves uneven the multiplications even out.
func hash(what, room string) uint64 {
	f := fnv.New64a()
	_, _ = f.Write([]byte(what + "\x00" + room)) // cannot fail
	h := f.Sum64()
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
