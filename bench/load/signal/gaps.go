package signal

import (
	"math"
	"time"
)

const (
	whole   = float32(0.92) // share of its amplitude with which sound is taken for whole
	hopTime = float32(1000 * hop / earRate)
	// smear makes up for what a break adds to the lines beside the tone.
	smear = float32(4) / 3
)

// gaps finds what is missing within a spurt, behind its beginning. As much of each window as
// is missing, its tones are weaker by; as the windows overlap evenly, what they are weaker by
// adds up to the time that is missing.
func (e *Ear) gaps(v *verdict, full float32, first int64) {
	_, last := within(0, e.clock.sample(v.begin+v.delay+int64(v.s.End()-ramp)))
	var short shortfall
	for j := first; j <= last; j++ {
		if p, ok := e.presence(v, j); ok && p < whole*full {
			short.take(p / full)
			continue
		}
		e.gap(v, j, short)
		short = shortfall{}
	}
	e.gap(v, last, short)
}

// shortfall is what is missing in columns next to each other.
type shortfall struct {
	length float32 // ms
	depth  float32 // share that the sound lost at most
}

func (s *shortfall) take(p float32) {
	s.length += (1 - p) * hopTime * smear
	s.depth = max(s.depth, 1-p)
}

func (e *Ear) gap(v *verdict, j int64, s shortfall) {
	if s.length >= e.limits.gap && 1-s.depth <= e.limits.gapDepth {
		e.find(Finding{Kind: Gap, Talker: v.s.Talker, At: e.timeOf(j), Time: time.Duration(s.length * 1e6)})
	}
}

// onset returns how much of the beginning of a spurt's tones is missing, ms, if that can be
// told, and the first column behind it.
func (e *Ear) onset(v *verdict, full float32) (missing float32, told bool, first int64) {
	told = true
	begin := e.clock.sample(v.begin + v.delay + int64(v.s.tones[0].from)) // of the sound
	inside, _ := within(begin, 0)
	_, last := within(0, e.clock.sample(v.begin+v.delay+int64(v.s.End()-ramp)))
	before := float32(0)
	for first = int64(begin-window/2)/hop - 1; first <= last; first++ {
		p, ok := e.presence(v, first)
		if !ok || e.column(first).all > e.limits.crowd {
			told = false
		}
		if p = min(p/full, 1); before < 0.5 && p >= 0.5 {
			// The window is half in the sound here, or a part of a hop earlier.
			at := float64(first*hop+window/2) - hop*float64((p-0.5)/(p-before))
			missing = float32(at-begin) * 1000 / earRate
		}
		if p >= whole {
			break
		}
		before = p
	}
	return max(0, missing), told, max(first, inside)
}

// presence returns the amplitude that a spurt has in a column, or false where that cannot be
// told.
func (e *Ear) presence(v *verdict, j int64) (p float32, ok bool) {
	const slack = 24 * earRate / 1000 // samples by which a tone may have moved
	c := e.column(j)
	if c.lost || c.all > e.limits.gapCrowd {
		return 0, false
	}
	at := e.clock.at(float64(j*hop)) - v.begin - v.delay // of the window's begin, in the talker's cycle
	before := time.Duration(at) - slack*sampleTime
	after := time.Duration(at) + (window+slack)*sampleTime
	for i := range v.s.tones {
		t := &v.s.tones[i]
		if t.to <= before || t.from >= after {
			continue
		}
		if !v.grades[i].clear {
			return 0, false
		}
		p += float32(math.Sqrt(float64(c.tones[t.place])))
	}
	return p, true
}
