package rooms

import "encoding/binary"

// hearer is what decides whom a participant hears and who hears it.
type hearer struct {
	id      string
	groups  []string
	hears   *[]string // nil: everyone
	heardBy *[]string // nil: everyone
	listens bool      // it has a sink
	speaks  bool      // it has a source
	deaf    bool      // it hears nobody, whatever the lists say
	insists bool      // whoever heardBy lists hears it, whatever they list themselves
}

// arrangement is who hears whom, as mixes: the listener i hangs on mixes[of[i]].
type arrangement struct {
	mixes []bitset // by index of hearer: who is in the mix; a listener's own bit does not matter to it
	of    []int    // -1 for who has no sink
}

// arrange compiles lists into the fewest mixes that there can be. L hears S if L lists S, or
// lists nothing, and S lists L, or lists nothing.
//
// Whether L itself is in its mix does not matter, as its own sound is taken out: two sets
// serve it, with and without it. So sets are the nodes of a graph, listeners its edges, and
// a node at one end of each is wanted. No two edges lead in the same direction, hence there
// is no circle, and to take the neighbour of one leaf after the other is exact. As the
// number of mixes is the least, it does not grow when somebody leaves.
func arrange(all []hearer) arrangement {
	c := cover{index: make(map[string]int), ends: make([]ends, len(all))}
	for i, set := range audible(all) {
		c.ends[i] = ends{-1, -1}
		if set == nil {
			continue
		}
		without := c.node(set)
		if all[i].speaks {
			set.set(i)
		}
		c.link(i, without, c.node(set))
	}
	c.choose()
	return c.arrangement()
}

// cover is a graph of sets and listeners.
type cover struct {
	index map[string]int // of a node, by its set
	key   []byte
	nodes []node
	ends  []ends // by listener
}

// ends are the nodes of the sets that serve a listener; -1 for who has no sink.
type ends struct{ without, with int }

type node struct {
	set   bitset
	taken bool // it becomes a mix
	open  int  // listeners here whose mix is not known yet
	which int  // XOR of their numbers: of a single one, the number
	mix   int  // its place in the arrangement, from 1
}

// node returns the number of a set, which the caller may go on to change.
func (c *cover) node(set bitset) int {
	c.key = set.key(c.key[:0])
	n, known := c.index[string(c.key)]
	if !known {
		n = len(c.nodes)
		c.index[string(c.key)] = n
		c.nodes = append(c.nodes, node{set: set.clone()})
	}
	return n
}

// link notes a listener. Who does not speak has no choice.
func (c *cover) link(i, without, with int) {
	c.ends[i] = ends{without, with}
	if without == with {
		c.nodes[with].taken = true
		return
	}
	for _, n := range []int{without, with} {
		c.nodes[n].open++
		c.nodes[n].which ^= i
	}
}

// choose takes nodes until each listener has one.
func (c *cover) choose() {
	var leaves []int
	for n := range c.nodes {
		if c.nodes[n].open == 1 {
			leaves = append(leaves, n)
		}
	}
	for ; len(leaves) > 0; leaves = leaves[1:] {
		leaf := &c.nodes[leaves[0]]
		if leaf.open == 0 { // its neighbour was a leaf, too
			continue
		}
		i := leaf.which
		at := c.ends[i].with
		if at == leaves[0] {
			at = c.ends[i].without
		}
		other := &c.nodes[at]
		other.taken = other.taken || !leaf.taken
		leaf.open--
		other.which ^= i
		if other.open--; other.open == 1 {
			leaves = append(leaves, at)
		}
	}
}

// arrangement hangs each listener on a node that was taken.
func (c *cover) arrangement() arrangement {
	a := arrangement{of: make([]int, len(c.ends))}
	for i, e := range c.ends {
		a.of[i] = -1
		if e.with < 0 {
			continue
		}
		n := &c.nodes[e.with]
		if !n.taken {
			n = &c.nodes[e.without]
		}
		if n.mix == 0 {
			a.mixes = append(a.mixes, n.set)
			n.mix = len(a.mixes)
		}
		a.of[i] = n.mix - 1
	}
	return a
}

// audible returns for each listener the set of others that it hears.
func audible(all []hearer) []bitset {
	speakers := newBitset(len(all))
	named := make(map[string]bitset) // by id and by group
	name := func(n string, i int) {
		if named[n] == nil {
			named[n] = newBitset(len(all))
		}
		named[n].set(i)
	}
	for i, h := range all {
		if h.speaks {
			speakers.set(i)
		}
		name(h.id, i)
		for _, g := range h.groups {
			name(groupPrefix+g, i)
		}
	}
	union := func(list []string) bitset {
		u := newBitset(len(all))
		for _, n := range list {
			u.or(named[n])
		}
		return u
	}
	sets := make([]bitset, len(all))
	for i, h := range all {
		switch {
		case !h.listens:
			continue
		case h.deaf:
			sets[i] = newBitset(len(all))
			continue
		case h.hears == nil:
			sets[i] = speakers.clone()
		default:
			sets[i] = union(*h.hears)
			sets[i].and(speakers)
		}
		sets[i].clear(i)
	}
	for i, h := range all {
		if h.heardBy == nil {
			continue
		}
		by := union(*h.heardBy)
		for l := range sets {
			switch {
			case sets[l] == nil:
			case !by.has(l):
				sets[l].clear(i)
			case h.insists && h.speaks && !all[l].deaf && l != i:
				sets[l].set(i)
			}
		}
	}
	return sets
}

// bitset is a set of small numbers, all of one room with the same length.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) clear(i int)    { b[i/64] &^= 1 << (i % 64) }
func (b bitset) has(i int) bool { return b[i/64]>>(i%64)&1 != 0 }
func (b bitset) clone() bitset  { return append(bitset(nil), b...) }

// or takes in what o has; a nil o has nothing.
func (b bitset) or(o bitset) {
	for i := range o {
		b[i] |= o[i]
	}
}

func (b bitset) and(o bitset) {
	for i := range b {
		b[i] &= o[i]
	}
}

// key appends what is equal for equal sets.
func (b bitset) key(to []byte) []byte {
	for _, w := range b {
		to = binary.LittleEndian.AppendUint64(to, w)
	}
	return to
}
