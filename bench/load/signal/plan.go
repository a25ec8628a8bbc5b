package signal

import (
	"math/rand/v2"
	"slices"
	"time"
)

// cell is the grain of a plan: spurts begin and end with a packet of 20 ms.
const cell = 20 * time.Millisecond

// Talk spurts and pauses have the means of ITU-T P.59. They fall off exponentially behind
// a shortest, up to a longest.
var (
	talk  = spread{shortest: 0.3, longest: 3, scale: 0.80} // mean 1.004 s
	pause = spread{shortest: 0.2, longest: 5, scale: 1.68} // mean 1.587 s
	// Without pauses a spurt may become longer than it was drawn, to end where the next
	// can have its mark.
	endless = spread{shortest: 0.3, longest: 2.4, scale: 1}
)

// Bounds of a plan, in cells.
const (
	minTalk  = 15  // no spurt is shorter
	maxTalk  = 150 // nor longer
	minPause = 10
	apart    = 8  // least from mark to mark, so that none is taken for another
	reach    = 12 // how far a spurt may be moved to have a mark
)

// Spurt is one stretch of talk in a cycle.
type Spurt struct {
	Talker int
	Start  time.Duration // from the start of the cycle
	Length time.Duration // 300 ms to 3 s
	Marked bool          // it begins with the chirp that delay is measured by

	tones   []tone
	crowded bool // more speak, or did until just now, than the server mixes
}

// End returns when the spurt is over, from the start of the cycle.
func (s *Spurt) End() time.Duration { return s.Start + s.Length }

// spread is how lengths are distributed, in seconds.
type spread struct{ shortest, longest, scale float64 }

// draw returns a length in cells.
func (s spread) draw(r *rand.Rand) int {
	for {
		if x := s.shortest + r.ExpFloat64()*s.scale; x <= s.longest {
			return int(x/cell.Seconds() + 0.5)
		}
	}
}

// planner lays out one room's spurts, talker by talker.
type planner struct {
	cycle  int // cells
	marks  []bool
	random *rand.Rand
	plan   []Spurt // of the talker at hand
}

// paused returns the plan of a talker who makes pauses.
func (p *planner) paused(talker int) []Spurt {
	p.plan = nil
	free := 0 // the first cell that is not too near to the spurt before
	at := p.random.IntN(pause.draw(p.random) + talk.draw(p.random))
	for {
		start, marked := p.place(max(at, free), free)
		length := min(talk.draw(p.random), p.cycle-minPause-start)
		if length < minTalk {
			return p.plan
		}
		p.add(talker, start, length, marked)
		free = start + length + minPause
		at = start + length + pause.draw(p.random)
	}
}

// continuous returns the plan of a talker who makes none.
func (p *planner) continuous(talker int) []Spurt {
	p.plan = nil
	start, marked := 0, p.free(0)
	for start < p.cycle {
		end, next := p.place(start+endless.draw(p.random), start+minTalk)
		if end > p.cycle-minTalk {
			end = p.cycle
		}
		p.add(talker, start, end-start, marked)
		start, marked = end, next
	}
	return p.plan
}

func (p *planner) add(talker, start, length int, marked bool) {
	if marked {
		p.marks[start] = true
	}
	p.plan = append(p.plan, Spurt{Talker: talker, Start: time.Duration(start) * cell,
		Length: time.Duration(length) * cell, Marked: marked})
}

// place returns the cell nearest to at, not before first, in which a mark can begin. If
// there is none within reach it is at itself, without a mark.
func (p *planner) place(at, first int) (start int, marked bool) {
	for d := range reach {
		if p.free(at + d) {
			return at + d, true
		}
		if at-d >= first && p.free(at-d) {
			return at - d, true
		}
	}
	return at, false
}

// free tells whether a mark in a cell would be apart from all others; the cycle is round.
func (p *planner) free(at int) bool {
	if at >= p.cycle {
		return false
	}
	for d := 1 - apart; d < apart; d++ {
		if p.marks[(at+d+p.cycle)%p.cycle] {
			return false
		}
	}
	return true
}

// held is how long whoever stopped may keep a place in the mix, in cells.
const held = 40

// markCrowded finds the spurts during which more than mixed hold, or may hold, a place.
func markCrowded(plans [][]Spurt, cycle, mixed int) {
	holding := make([]int, cycle)
	for _, plan := range plans {
		last := -1 // cell that was counted
		for i := range plan {
			from, end := int(plan[i].Start/cell), int(plan[i].End()/cell)+held
			for c := max(from, last+1); c < min(end, int(plan[0].Start/cell)+cycle); c++ {
				holding[c%cycle]++
				last = c
			}
		}
	}
	for _, plan := range plans {
		for i := range plan {
			s := &plan[i]
			s.crowded = slices.Max(holding[s.Start/cell:s.End()/cell]) > mixed
		}
	}
}
