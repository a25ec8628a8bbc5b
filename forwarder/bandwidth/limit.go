package bandwidth

import "slices"

const (
	keepWithin = 0.10        // changes smaller than that are not asked for
	riseStep   = 1.25        // at most, from one request to the next
	fallAfter  = second      // since the last request
	riseAfter  = 5 * second  // since the last request
	again      = 10 * second // the same is asked for again: it may have been lost, or expired
	lookEvery  = 200 * millisecond
)

// Limit decides what a source of a single layer is to be asked for, by TMMBR (RFC 5104 section
// 4.2.1) or REMB, so that three of four of those who watch it can take it; the rest lose
// pictures. One worker owns it.
//
// It falls quickly and rises slowly: at most by a quarter every five seconds, since every
// change costs a turn of the source's encoder, often a key frame.
type Limit struct {
	// Floor and Ceiling bound what is asked for, bits/s. Ceiling is asked for where everyone
	// can take it; 0 is DefaultCeiling.
	Floor, Ceiling uint64

	asked  uint64
	at     int64 // when it was asked for
	looked int64
	sorted []uint64
}

// Update takes the estimates of those who watch, in any order; it does not keep them. It returns
// what is to be asked for, and whether now; nothing is to be asked for while nobody watches.
// The caller may call as often as it likes.
func (l *Limit) Update(now int64, estimates []uint64) (bits uint64, ask bool) {
	if len(estimates) == 0 || l.looked > 0 && now-l.looked < lookEvery {
		return l.asked, false
	}
	l.looked = now
	to, ask := l.next(now, l.bound(l.most(estimates)))
	if ask {
		l.asked, l.at = to, now
	}
	return l.asked, ask
}

// Asked returns what was asked for last, 0 if nothing.
func (l *Limit) Asked() uint64 { return l.asked }

// Reset forgets what was asked for: the source is another one.
func (l *Limit) Reset() { l.asked, l.at, l.looked = 0, 0, 0 }

// most returns what three of four can take: of one to three receivers, the least.
func (l *Limit) most(estimates []uint64) uint64 {
	l.sorted = append(l.sorted[:0], estimates...)
	slices.Sort(l.sorted)
	return l.sorted[len(l.sorted)/4]
}

func (l *Limit) bound(bits uint64) uint64 {
	ceiling := l.Ceiling
	if ceiling == 0 {
		ceiling = DefaultCeiling
	}
	return max(min(bits, ceiling), l.Floor)
}

// next returns what to ask for, where to is wanted, and whether.
func (l *Limit) next(now int64, to uint64) (uint64, bool) {
	passed, was := now-l.at, float64(l.asked)
	switch change := float64(to) - was; {
	case l.asked == 0:
		return to, true
	case -change > keepWithin*was:
		return to, passed >= fallAfter
	case change > keepWithin*was || change > 0 && to == l.bound(DefaultCeiling):
		return min(to, uint64(riseStep*was)), passed >= riseAfter
	}
	return l.asked, passed >= again
}
