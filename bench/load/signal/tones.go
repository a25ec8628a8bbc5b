package signal

import (
	"math"
	"math/rand/v2"
	"time"
)

// The grid: tones are two of the ear's lines apart and on odd lines, so that no shift by
// 10 or 20 ms turns a tone into itself.
const (
	gridSize  = 31
	gridFirst = 13 // line of the first tone: 406 Hz; the last has 2281 Hz
	gridStep  = 2
)

// frequency returns that of a tone of the grid, Hz.
func frequency(k int) float64 { return lineWidth * float64(gridFirst+gridStep*k) }

// A spurt is a chirp of 40 ms, if it is marked, and then tones of 80 ms, the last of which
// lasts up to 120 ms.
const (
	chirpTime = 40 * time.Millisecond
	toneTime  = 80 * time.Millisecond
	chirpLow  = 2500.0 // Hz
	chirpHigh = 3300.0
)

// tone is one tone of a spurt.
type tone struct {
	from, to time.Duration // from the start of the cycle
	place    uint8         // in the grid
	phase    float64       // at its begin, turns
	alone    bool          // no other talker has it at that time, nor 40 ms before or after
	apart    bool          // nor one beside it
}

// tune gives every spurt its tones. At no time two talkers have the same or neighbours,
// even if one of them comes 20 ms late, as far as there are tones enough; where there are
// not, the same two soon have different ones again.
func tune(all []*Spurt, cycle int, random *rand.Rand) {
	grid := make([][gridSize]price, cycle)
	for _, s := range all {
		s.cut()
		last := -gridSize
		for i := range s.tones {
			t := &s.tones[i]
			last = choose(grid, t, last, random)
			t.place, t.phase = uint8(last), random.Float64()
		}
	}
	for _, s := range all {
		for i := range s.tones {
			t := &s.tones[i]
			others := t.cost(grid, int(t.place)) - t.ownCost()
			t.alone, t.apart = others < priceSame, others < priceNeighbour
		}
	}
}

// cut divides the spurt into tones without a place yet.
func (s *Spurt) cut() {
	from := s.Start
	if s.Marked {
		from += chirpTime
	}
	n := max(1, int((s.End()-from+toneTime/2-1)/toneTime))
	s.tones = make([]tone, n)
	for i := range s.tones {
		s.tones[i] = tone{from: from, to: from + toneTime}
		from += toneTime
	}
	s.tones[n-1].to = s.End()
}

// price is what a tone of the grid costs whoever wants it, too, in one cell.
type price float64

const (
	priceSame      price = 100
	priceNeighbour price = 30
	priceNear      price = 3
	guard                = 1 // cells before and after a tone that are paid for as well
	farthest             = 4 // a talker's next tone is at least that many places off
)

// choose takes the cheapest place for a tone, not near the one before, and pays for it.
func choose(grid [][gridSize]price, t *tone, last int, random *rand.Rand) (best int) {
	lowest := price(math.Inf(1))
	for k := range gridSize {
		if d := k - last; -farthest < d && d < farthest {
			continue
		}
		if cost := t.cost(grid, k) + price(random.Float64()); cost < lowest {
			best, lowest = k, cost
		}
	}
	for c, end := t.cells(); c < end; c++ {
		row := &grid[(c+len(grid))%len(grid)]
		row[best] += priceSame
		for d, p := range [...]price{1: priceNeighbour, 2: priceNear} {
			if d > 0 && best+d < gridSize {
				row[best+d] += p
			}
			if d > 0 && best-d >= 0 {
				row[best-d] += p
			}
		}
	}
	return best
}

// cells returns the cells that a tone occupies with its guards: from, and up to but not end.
func (t *tone) cells() (from, end int) {
	return int(t.from/cell) - guard, int((t.to+cell-1)/cell) + guard
}

func (t *tone) cost(grid [][gridSize]price, k int) (sum price) {
	for c, end := t.cells(); c < end; c++ {
		sum += grid[(c+len(grid))%len(grid)][k]
	}
	return sum
}

// ownCost is what a tone costs that nobody else wants.
func (t *tone) ownCost() price {
	from, end := t.cells()
	return priceSame * price(end-from)
}
