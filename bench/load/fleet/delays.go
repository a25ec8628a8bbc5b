//go:build linux

package fleet

import (
	"math"
	"time"

	"github.com/confd/confd/bench/load/signal"
)

// Delays are how often each delay from mouth to ear was measured, in steps of DelayStep.
// Element i is of delays from i steps to less than i + 1.
type Delays []uint32

// DelayStep is what delays are exact to.
const DelayStep = 100 * time.Microsecond

// delays collects Delays.
type delays struct{ counts Delays }

func (d *delays) add(delay time.Duration) {
	i := int(min(max(delay, 0), signal.MaxDelay) / DelayStep)
	for len(d.counts) <= i {
		d.counts = append(d.counts, 0)
	}
	d.counts[i]++
}

// Add adds what was measured elsewhere.
func (d *Delays) Add(o Delays) {
	for len(*d) < len(o) {
		*d = append(*d, 0)
	}
	for i, n := range o {
		(*d)[i] += n
	}
}

// Len returns how many delays there are.
func (d Delays) Len() (n int) {
	for _, k := range d {
		n += int(k)
	}
	return n
}

// Quantile returns the smallest delay that at least the share q (0 to 1) of them does not
// exceed, to a step; 0 if there are none.
func (d Delays) Quantile(q float64) time.Duration {
	rank := max(1, int(math.Ceil(q*float64(d.Len()))))
	for i, n := range d {
		if rank -= int(n); rank <= 0 {
			return time.Duration(i) * DelayStep
		}
	}
	return 0
}

// judged is what the ears of a room judged that it no longer has, and all their delays.
type judged struct {
	totals    signal.Totals
	tallies   []signal.Tally // by talker
	malformed int
	delays    delays
}

// add takes in what an ear judged.
func (j *judged) add(e *ear) {
	t := e.stream.ear.Totals()
	j.totals.Add(&t)
	for i := range j.tallies {
		j.tallies[i].Add(e.stream.ear.Talker(i))
	}
	j.malformed += e.stream.malformed
}
