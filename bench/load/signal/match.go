package signal

// grade is what became of one tone of the spurt that is being judged.
type grade struct {
	power   float32 // mean; 1 is a talker's
	columns int     // that it was taken from
	there   bool
	clear   bool // nothing else is on it or beside it
}

const (
	maxTones = int(maxTalk*cell/toneTime) + 1
	present  = float32(0.063) // power, -12 dB: a tone is there
	spill    = float32(0.3)   // share of a tone's power that its neighbour gets less of
	beside   = float32(0.4)   // power, of a neighbour's: another is there, too
	// A spurt was heard if that share of its tones is there; in a crowd, where others may
	// have some of them by chance, more of them must be.
	heardShare = 0.5
	crowdShare = 0.75
	// As long as nobody's delay is known, only a long spurt nearly all of which is there can
	// tell it in a crowd.
	sureTones = 10
	sureShare = 0.9
	// An unknown delay is found if it fits that much better than any that is farther off
	// than near.
	distinct = 1.5
	near     = int64(48e6)
)

// verdict is the spurt that is being judged.
type verdict struct {
	s      *Spurt
	begin  int64 // of the talker's cycle, when it was sent
	delay  int64 // ns
	grades [maxTones]grade
	judged int // tones
	there  int
}

func (v *verdict) share() float64 { return float64(v.there) / float64(max(v.judged, 1)) }

// listen finds the delay with which most of a spurt is there and tells whether it was heard.
func (e *Ear) listen(v *verdict, l *listened) (heard bool) {
	least := heardShare
	if v.s.crowded {
		least = crowdShare
	}
	lo, hi, known := e.usual.around(l.delay)
	if known {
		e.search(v, lo, hi)
		if v.share() >= least || v.s.crowded {
			return v.share() >= least
		}
	} else if v.s.crowded {
		if len(v.s.tones) < sureTones {
			return false
		}
		least = sureShare
	}
	best, other := e.search(v, 0, int64(MaxDelay))
	if v.share() < least || best > distinct*other {
		return v.share() >= least
	}
	if !known {
		v.judged = 0 // there is something, but it may be others: nobody can tell yet
	}
	return false
}

// search tries delays in steps of a column and grades the best. It returns how well that
// fits, and how well any does that is not near it.
func (e *Ear) search(v *verdict, lo, hi int64) (best, other float32) {
	const step = int64(hop * sampleTime)
	var fits [int64(MaxDelay)/step + 1]float32
	lo, hi = max(lo, 0)/step, min(hi, int64(MaxDelay))/step
	at := lo
	for d := lo; d <= hi; d++ {
		fits[d] = e.match(v.s, v.begin+d*step)
		if fits[d] > fits[at] {
			at = d
		}
	}
	at = plateau(fits[lo:hi+1], at-lo) + lo
	for d := lo; d <= hi; d++ {
		if (d-at)*step > near || (at-d)*step > near {
			other = max(other, fits[d])
		}
	}
	v.delay = at * step
	e.grade(v)
	return fits[at], other
}

// plateau returns the middle of the places around one that are about as good.
func plateau(fits []float32, at int64) int64 {
	const asGood = 0.97
	first, last := at, at
	for first > 0 && fits[first-1] >= asGood*fits[at] {
		first--
	}
	for last < int64(len(fits))-1 && fits[last+1] >= asGood*fits[at] {
		last++
	}
	return (first + last) / 2
}

// span returns the columns that lie wholly in a tone, its ramps aside, if the talker's cycle
// was heard to begin at a time.
func (e *Ear) span(t *tone, begin int64) (first, last int64) {
	const edge = int64(ramp / 2)
	return within(e.clock.sample(begin+int64(t.from)+edge), e.clock.sample(begin+int64(t.to)-edge))
}

// match says how much of a spurt is there, 0 to 1, heard with a delay.
func (e *Ear) match(s *Spurt, begin int64) float32 {
	var sum float32
	n := 0
	for i := range s.tones {
		t := &s.tones[i]
		first, last := e.span(t, begin)
		for j := first; j <= last; j++ {
			if c := e.column(j); !c.lost {
				sum += min(c.tones[t.place], 1)
				n++
			}
		}
	}
	return sum / float32(max(n, 1))
}

// grade grades every tone.
func (e *Ear) grade(v *verdict) {
	v.judged, v.there = 0, 0
	for i := range v.s.tones {
		g := e.gradeTone(&v.s.tones[i], v.begin+v.delay)
		v.grades[i] = g
		if g.columns == 0 {
			continue
		}
		v.judged++
		if g.there {
			v.there++
		}
	}
}

func (e *Ear) gradeTone(t *tone, begin int64) (g grade) {
	var sides float32
	first, last := e.span(t, begin)
	for j := first; j <= last; j++ {
		c := e.column(j)
		if c.lost {
			continue
		}
		g.power += c.tones[t.place]
		sides += c.neighbours(int(t.place))
		g.columns++
	}
	g.power /= float32(max(g.columns, 1))
	sides /= float32(max(g.columns, 1))
	g.there = g.power >= present && g.power > spill*sides
	g.clear = t.alone && g.there && sides < beside*g.power
	return g
}

// neighbours returns the power of the stronger of the tones beside one.
func (c *column) neighbours(k int) (p float32) {
	if k > 0 {
		p = c.tones[k-1]
	}
	if k < gridSize-1 {
		p = max(p, c.tones[k+1])
	}
	return p
}

// band is within which delays have been of late, ns.
type band struct {
	lo, hi float64
	known  bool
}

func (b *band) forget() { b.known = false }

// take widens the band to a delay; it narrows again slowly.
func (b *band) take(delay int64) {
	d := float64(delay)
	if !b.known {
		b.lo, b.hi, b.known = d, d, true
	}
	const memory = 1.0 / 64
	b.lo = min(d, b.lo+(d-b.lo)*memory)
	b.hi = max(d, b.hi+(d-b.hi)*memory)
}

// around returns between which delays a talker is expected whose last one is known, or -1.
func (b *band) around(last int64) (lo, hi int64, known bool) {
	lo, hi = int64(b.lo)-near, int64(b.hi)+near
	if last >= 0 && last >= lo && last <= hi {
		lo, hi = last-near, last+near
	}
	return lo, hi, b.known
}
