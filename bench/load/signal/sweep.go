package signal

import "math"

const (
	strayed   = 1024 // columns for which it is known what did not belong
	sweepLag  = 496  // columns: the longest spurt and its delay, and some
	settleLag = 460  // columns behind the sweep: the same for one's own
	tolerance = int64(40e6)
)

// allow marks where a spurt may be heard: at its delay, and unless it was surely heard with
// that, at any that is usual.
func (e *Ear) allow(v *verdict, heard bool) {
	lo, hi := v.delay, v.delay
	if !heard || v.s.crowded {
		from, to, known := e.usual.around(-1)
		if !known {
			from, to = 0, int64(MaxDelay)
		}
		lo, hi = min(lo, from), max(hi, to)
	}
	for i := range v.s.tones {
		t := &v.s.tones[i]
		first, _ := within(e.clock.sample(v.begin+int64(t.from)+lo-tolerance)-window, 0)
		_, last := within(0, e.clock.sample(v.begin+int64(t.to)+hi+tolerance)+window)
		for j := max(first, e.newest-columns+1); j <= min(last, e.newest); j++ {
			e.column(j).allowed |= 1 << t.place
		}
	}
}

const (
	leak      = float32(0.0025) // power, -26 dB: less is nobody
	standOut  = float32(10)     // power by which somebody is above the rest of the grid
	longRun   = 6               // columns in which a tone must be there: none lasts shorter
	clickSide = 5               // columns to each side that a click reaches
	echoShare = 0.6             // of the tones of a spurt of one's own that make an echo
)

// sweep looks for what does not belong, in columns of which it is known who may be heard.
func (e *Ear) sweep() {
	for ; e.swept <= e.newest-sweepLag; e.swept++ {
		c := e.column(e.swept)
		e.strays[uint64(e.swept)%strayed] = c.stray()
		e.click(e.swept)
	}
}

// stray returns the tones, by their bits, that are there and should not.
func (c *column) stray() (found uint32) {
	if c.lost {
		return 0
	}
	for k, p := range c.tones {
		if p > leak && c.allowed&(1<<k) == 0 && c.standsOut(k) {
			found |= 1 << k
		}
	}
	return found
}

// shade is how much weaker than a tone, by the places between, something that comes of it
// may be: stretching in time moves it, a sharp edge smears it.
var shade = [...]float32{0, 0.5, 0.02, 0.008, 0.005}

// standsOut tells whether a tone is no shadow of another, and no noise.
func (c *column) standsOut(k int) bool {
	var rest float32
	n := 0
	for i, p := range c.tones {
		d := min(max(i-k, k-i), len(shade)-1)
		if d > 0 && c.tones[k] < p*shade[d] {
			return false
		}
		if d > 1 && c.allowed&(1<<i) == 0 {
			rest += min(p, leak)
			n++
		}
	}
	return n == 0 || c.tones[k] > standOut*rest/float32(n)
}

// click tells whether there is one in a column: a short peak of roughness.
func (e *Ear) click(j int64) {
	c := e.column(j)
	if c.rough < e.limits.clickLeast {
		return
	}
	var all float32
	for i := j - clickSide; i <= j+clickSide; i++ {
		o := e.column(i)
		if o.lost || o.rough > c.rough || o.rough == c.rough && i < j {
			return
		}
		all = max(all, o.all)
	}
	if c.rough > e.limits.clickShare*all {
		e.find(Finding{Kind: Click, Talker: NoOne, At: e.timeOf(j), DB: decibels(c.rough)})
	}
}

// judgeEcho looks for a spurt of one's own in what does not belong.
func (e *Ear) judgeEcho(s *Spurt, begin int64) {
	l := &e.talkers[s.Talker]
	if always, _ := l.speaks(begin+int64(s.Start), begin+int64(s.End())); !always || begin+int64(s.Start) < e.since {
		return
	}
	const step = int64(hop * sampleTime)
	best, at := 0, int64(0)
	for d := int64(0); d <= int64(MaxDelay); d += step {
		if n := e.echoed(s, begin+d); n > best {
			best, at = n, d
		}
	}
	if best < 3 || float64(best) < echoShare*float64(len(s.tones)) {
		return
	}
	e.find(Finding{Kind: Own, Talker: s.Talker, At: begin + at + int64(s.Start)})
	e.forgive(s, begin+at)
}

// echoed counts the tones of a spurt that are among the strays.
func (e *Ear) echoed(s *Spurt, begin int64) (n int) {
	for i := range s.tones {
		t := &s.tones[i]
		first, last := e.span(t, begin)
		there := int64(0)
		for j := first; j <= last; j++ {
			there += int64(e.strays[uint64(j)%strayed] >> t.place & 1)
		}
		if 4*there >= 3*(last-first+1) {
			n++
		}
	}
	return n
}

// forgive takes a spurt out of the strays.
func (e *Ear) forgive(s *Spurt, begin int64) {
	for i := range s.tones {
		t := &s.tones[i]
		first, _ := within(e.clock.sample(begin+int64(t.from)-tolerance)-window, 0)
		_, last := within(0, e.clock.sample(begin+int64(t.to)+tolerance)+window)
		for j := first; j <= last; j++ {
			e.strays[uint64(j)%strayed] &^= 1 << t.place
		}
	}
}

// strayCount follows the strays that nobody explains.
type strayCount struct {
	runs  [gridSize]uint8 // columns in a row, by tone
	score float32         // tones of late
	on    bool            // somebody is heard
	told  bool            // and it was said
}

const (
	strayTones = 3    // of late that are somebody
	strayFades = 0.02 // of a tone per column: forgotten in 0.4 s
)

// settle counts what is left in columns whose every explanation was heard.
func (e *Ear) settle() {
	for ; e.settled < e.swept-settleLag; e.settled++ {
		s := &e.stray
		s.score = max(0, s.score-strayFades)
		s.take(e.strays[uint64(e.settled)%strayed])
		s.on = s.score >= strayTones || s.on && s.score > 0
		at := e.timeOf(e.settled)
		switch {
		case !s.on:
			s.told = false
		case at >= e.counting:
			e.totals.UnexpectedTime += hop * sampleTime
			if !s.told {
				s.told = true
				e.find(Finding{Kind: Unexpected, Talker: NoOne, At: at})
			}
		}
	}
}

func (s *strayCount) take(found uint32) {
	for k := range s.runs {
		if found&(1<<k) == 0 {
			s.runs[k] = 0
			continue
		}
		s.runs[k] = min(s.runs[k]+1, math.MaxUint8)
		if s.runs[k] == longRun {
			s.score++
		}
	}
}
