package signal

import (
	"math"
	"time"
)

// judge decides about a spurt that is over.
func (e *Ear) judge(s *Spurt, begin int64) {
	l := &e.talkers[s.Talker]
	always, ever := l.speaks(begin+int64(s.Start), begin+int64(s.End()))
	if !ever || s.Talker == e.config.Self {
		e.ownPlaces(s, begin, ever)
		return
	}
	v := &e.verdict
	*v = verdict{s: s, begin: begin}
	heard := e.listen(v, l)
	e.allow(v, heard)
	if always {
		e.speakers(s, begin)
	}
	if begin+int64(s.Start) < max(e.since, e.counting) {
		return
	}
	if 2*v.judged < len(s.tones) {
		e.totals.Unjudged++
		return
	}
	e.count(v, l, heard)
	if heard {
		e.examine(v, l)
	}
}

// count takes the verdict into the sums.
func (e *Ear) count(v *verdict, l *listened, heard bool) {
	t := &l.tally
	switch {
	case v.s.crowded && heard:
		t.Crowded++
		t.CrowdHeard++
	case v.s.crowded:
		t.Crowded++
	case heard:
		t.Expected++
		t.Heard++
	default:
		t.Expected++
		e.find(Finding{Kind: Missed, Talker: v.s.Talker, At: v.begin + int64(v.s.Start)})
	}
}

// examine measures a spurt that was heard.
func (e *Ear) examine(v *verdict, l *listened) {
	chirp := e.date(v)
	l.delay = v.delay
	e.usual.take(v.delay)
	power, ok := e.level(v)
	if !ok || v.s.crowded {
		return
	}
	e.totals.level(power)
	if db := decibels(power); db > e.limits.level || db < -e.limits.level {
		e.find(Finding{Kind: OffLevel, Talker: v.s.Talker, At: v.begin + v.delay + int64(v.s.Start), DB: db})
	}
	full := float32(math.Sqrt(float64(power)))
	missing, told, first := e.onset(v, full)
	if told && !chirp.lost {
		e.clipped(v, missing+v.chirpMissing(chirp, full))
	}
	e.gaps(v, full, first)
	e.jumps(v)
}

// clipped notes how much of the beginning of a spurt was missing, ms.
func (e *Ear) clipped(v *verdict, ms float32) {
	missing := time.Duration(ms * 1e6)
	e.totals.Onset += missing
	if ms >= e.limits.onset {
		e.find(Finding{Kind: Clipped, Talker: v.s.Talker, At: v.begin + v.delay + int64(v.s.Start), Time: missing})
	}
}

// date measures the delay by the chirp, if the spurt has one.
func (e *Ear) date(v *verdict) (c heardChirp) {
	if !v.s.Marked {
		return c
	}
	c = e.findChirp(v)
	switch {
	case c.ok:
		said := v.begin + int64(v.s.Start)
		e.find(Finding{Kind: Delayed, Talker: v.s.Talker, At: c.arrival, Time: time.Duration(c.arrival - said)})
		v.delay = e.clock.at(c.at) - said
		e.grade(v)
	case !c.lost && !v.s.crowded:
		e.totals.Undated++
	}
	return c
}

// chirpMissing returns how much of a spurt's chirp, of which c was found, was not there, ms.
// The spurt's amplitude is full.
func (v *verdict) chirpMissing(c heardChirp, full float32) float32 {
	if !v.s.Marked {
		return 0
	}
	return max(0, 1-c.strength/full) * float32(chirpTime.Milliseconds())
}

// levelTones is how many tones a level is taken from at least.
const levelTones = 3

// level returns the power at which the clear tones were heard, breaks left aside.
func (e *Ear) level(v *verdict) (power float32, ok bool) {
	for _, least := range [...]float32{0, 0.5} { // of the mean so far
		var sum float32
		n := 0
		for i := range v.s.tones {
			if g := &v.grades[i]; g.clear && g.power >= least*power {
				sum += g.power
				n++
			}
		}
		if n < min(levelTones, len(v.s.tones)) {
			return 0, false
		}
		power = sum / float32(n)
	}
	return power, true
}
