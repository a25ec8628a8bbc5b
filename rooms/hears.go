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
	keys := make([]choice, len(all))
	for i, set := range sets {
		if set == nil {
			continue
		}
		keys[i].without = set.key()
		keys[i].with = keys[i].without
		if all[i].speaks {
			set.set(i)
			keys[i].with = set.key()
			set.clear(i)
		}
	}
	var best arrangement
	for _, with := range []func(choice) bool{
		popular(keys),
		func(choice) bool { return true },
		func(choice) bool { return false },
	} {
		a := assign(sets, keys, with)
		if best.of == nil || len(a.mixes) < len(best.mixes) {
			best = a
		}
	}
	return best
}

// choice is the two sets that serve a listener, as keys: both are "" for who has no sink.
type choice struct{ without, with string }

// assign gives each listener its set, with itself if with says so.
func assign(sets []bitset, keys []choice, with func(choice) bool) arrangement {
	a := arrangement{of: make([]int, len(sets))}
	index := make(map[string]int)
	for i, set := range sets {
		a.of[i] = -1
		if set == nil {
			continue
		}
		key := keys[i].without
		if with(keys[i]) {
			key = keys[i].with
		}
		at, known := index[key]
		if !known {
			at = len(a.mixes)
			index[key] = at
			set = set.clone()
			if key != keys[i].without {
				set.set(i)
			}
			a.mixes = append(a.mixes, set)
		}
		a.of[i] = at
	}
	return a
}

// popular chooses what could serve more listeners.
func popular(keys []choice) func(choice) bool {
	served := make(map[string]int)
	for _, k := range keys {
		served[k.without]++
		if k.with != k.without {
			served[k.with]++
		}
	}
	return func(k choice) bool { return served[k.with] >= served[k.without] }
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
