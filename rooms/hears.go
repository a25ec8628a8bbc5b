package rooms

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

// arrange compiles lists into as few mixes as there are distinct sets. L hears S if L lists
// S, or lists nothing, and S lists L, or lists nothing.
//
// Whether L itself is in its mix does not matter, as its own sound is taken out: so each
// listener can be served by two sets, with and without it, and gets the one that serves
// more listeners. Never are there more mixes than distinct sets of others.
func arrange(all []hearer) arrangement {
	sets := audible(all)
	var best arrangement
	for _, choose := range []func(i int, without, with string) bool{
		popular(all, sets),
		func(int, string, string) bool { return true },
		func(int, string, string) bool { return false },
	} {
		a := assign(all, sets, choose)
		if best.of == nil || len(a.mixes) < len(best.mixes) {
			best = a
		}
	}
	return best
}

// assign gives each listener its set, with itself if choose says so.
func assign(all []hearer, sets []bitset, choose func(i int, without, with string) bool) arrangement {
	a := arrangement{of: make([]int, len(all))}
	index := make(map[string]int)
	for i := range all {
		a.of[i] = -1
		if !all[i].listens {
			continue
		}
		set := sets[i]
		if own := all[i].and(set, i); choose(i, set.key(), own.key()) {
			set = own
		}
		at, known := index[set.key()]
		if !known {
			at = len(a.mixes)
			index[set.key()] = at
			a.mixes = append(a.mixes, set)
		}
		a.of[i] = at
	}
	return a
}

// and returns the set with its listener, the i-th, if that one speaks at all.
func (h *hearer) and(set bitset, i int) bitset {
	if !h.speaks {
		return set
	}
	return set.with(i)
}

// popular chooses what could serve more listeners.
func popular(all []hearer, sets []bitset) func(i int, without, with string) bool {
	served := make(map[string]int)
	for i := range all {
		if all[i].listens {
			served[sets[i].key()]++
			served[all[i].and(sets[i], i).key()]++
		}
	}
	return func(_ int, without, with string) bool { return served[with] >= served[without] }
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
			case h.insists && !all[l].deaf && l != i:
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

// with returns the set and i.
func (b bitset) with(i int) bitset {
	c := b.clone()
	c.set(i)
	return c
}

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

// key is equal for equal sets.
func (b bitset) key() string {
	k := make([]byte, 0, 8*len(b))
	for _, w := range b {
		for s := 0; s < 64; s += 8 {
			k = append(k, byte(w>>s))
		}
	}
	return string(k)
}
