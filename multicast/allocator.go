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
	p.Video = s.Video
	if p.Port, err = a.port(room, p.streams(), s.Port, keep.Port); err != nil {
		return Place{}, err
	}
	a.groups.take(p.Group, room)
	for i := range p.streams() {
		a.ports.take(p.Port+i*perStream, room)
	}
	return p, nil
}

func (a *allocator) give(p Place) {
	a.groups.give(p.Group)
	for i := range p.streams() {
		a.ports.give(p.Port + i*perStream)
	}
}

// streams is how many pairs of ports a place has, one above the other.
func (p Place) streams() int {
	if p.Video {
		return 2
	}
	return 1
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

// port finds so many pairs of ports, one above the other, and returns the lowest port.
func (a *allocator) port(room string, streams, want, keep int) (int, *Error) {
	if want != 0 {
		if !a.free(room, streams, want) {
			return 0, &Error{Code: Taken, Field: "port",
				Message: fmt.Sprintf("%s to another room: want another, or none for one from the pool", belongs(want, streams))}
		}
		return want, nil
	}
	high := a.low + perStream*(int(a.pairs)-streams) // the highest that leaves room for all
	if keep >= a.low && keep <= high && keep%2 == 0 && a.free(room, streams, keep) {
		return keep, nil
	}
	i, ok := probe(room, "port", uint64(max(0, int(a.pairs)-streams+1)), func(i uint64) bool {
		return a.free(room, streams, a.low+perStream*int(i))
	})
	if !ok {
		return 0, &Error{Code: Full, Field: "port", Message: a.crowded(streams)}
	}
	return a.low + perStream*int(i), nil
}

// free tells whether so many pairs from a port on are a room's or nobody's.
func (a *allocator) free(room string, streams, port int) bool {
	for i := range streams {
		if !a.ports.free(port+i*perStream, room) {
			return false
		}
	}
	return true
}

func belongs(port, streams int) string {
	if streams == 1 {
		return fmt.Sprintf("%d belongs", port)
	}
	return fmt.Sprintf("%d or %d, of video, belongs", port, port+perStream)
}

func (a *allocator) crowded(streams int) string {
	if streams == 1 {
		return fmt.Sprintf("all %d pairs of ports from %d on belong to rooms: want a wider range", a.pairs, a.low)
	}
	return fmt.Sprintf("of %d pairs of ports from %d on no two neighbours are free, for sound and video: want a wider range", a.pairs, a.low)
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
