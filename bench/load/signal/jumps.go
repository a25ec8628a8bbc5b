package signal

// jumps finds tones whose wave is broken within them: sound was repeated or left out.
func (e *Ear) jumps(v *verdict) {
	for i := range v.s.tones {
		if !v.grades[i].clear || !v.s.tones[i].apart {
			continue
		}
		if at, bent := e.bend(v, &v.s.tones[i]); bent > e.limits.jump {
			e.find(Finding{Kind: Jump, Talker: v.s.Talker, At: at})
		}
	}
}

// bend returns by how much at most, in turns, the phase of a tone is off a straight line, and
// when. A tone that is stretched in time is straight.
func (e *Ear) bend(v *verdict, t *tone) (at int64, bent float32) {
	var turns [int(toneTime*3/2*earRate/1e9)/hop + 1]float32
	first, last := e.span(t, v.begin+v.delay)
	first, last = first-1, last+1 // most of these lies in the tone, too
	n := int(last - first + 1)
	if n < 5 {
		return 0, 0
	}
	for i := range n {
		c := e.column(first + int64(i))
		if c.lost || c.all > e.limits.crowd || c.tones[t.place] < present {
			return 0, 0
		}
		if i > 0 {
			step := c.turn[t.place] - e.column(first + int64(i) - 1).turn[t.place]
			turns[i] = turns[i-1] + float32(int8(step))/256
		}
	}
	straighten(turns[:n])
	for i, x := range turns[:n] {
		if x = max(x, -x); x > bent {
			at, bent = e.timeOf(first+int64(i)), x
		}
	}
	return at, bent
}

// straighten takes the line off y that fits it best.
func straighten(y []float32) {
	var sum, moment, square float32
	middle := float32(len(y)-1) / 2
	for i, v := range y {
		x := float32(i) - middle
		sum += v
		moment += x * v
		square += x * x
	}
	for i := range y {
		y[i] -= sum/float32(len(y)) + (float32(i)-middle)*moment/square
	}
}
