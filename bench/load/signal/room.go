package signal

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Limits and defaults of Options.
const (
	MaxTalkers   = 200
	MinCycle     = 12 * time.Second
	MaxCycle     = 96 * time.Second
	DefaultCycle = 24 * time.Second
	DefaultMixed = 8
	// CycleUnit is what a cycle is a multiple of: packets of 10, 20, 30, 40 and 60 ms fit.
	CycleUnit = 120 * time.Millisecond
)

// Options say who speaks in a room. Rooms with equal options say the same, so that what
// was rendered and encoded for one serves all of them.
type Options struct {
	Talkers int // 1 to MaxTalkers
	// Mixed is how many talkers at once the server mixes at most; 0 means DefaultMixed. If
	// it is Talkers or more, everyone must always be heard.
	Mixed int
	// Seed makes rooms differ. Only what another room says differently can be told from
	// what this one says.
	Seed       uint64
	Cycle      time.Duration // after which everyone begins anew; 0 means DefaultCycle
	Continuous bool          // no pauses: one talk spurt joins the next
}

func (o Options) withDefaults() Options {
	if o.Mixed == 0 {
		o.Mixed = DefaultMixed
	}
	if o.Cycle == 0 {
		o.Cycle = DefaultCycle
	}
	return o
}

func (o Options) validate() error {
	switch {
	case o.Talkers < 1 || o.Talkers > MaxTalkers:
		return fmt.Errorf("signal: %d talkers, want 1 to %d", o.Talkers, MaxTalkers)
	case o.Mixed < 1:
		return fmt.Errorf("signal: at most %d talkers in the mix, want 1 or more", o.Mixed)
	case o.Cycle < MinCycle || o.Cycle > MaxCycle || o.Cycle%CycleUnit != 0:
		return fmt.Errorf("signal: cycle of %v, want %v to %v in steps of %v", o.Cycle, MinCycle, MaxCycle, CycleUnit)
	}
	return nil
}

// Room is who says what and when. It is immutable and safe for all goroutines.
type Room struct {
	options   Options
	amplitude float64
	plans     [][]Spurt // by talker
	spurts    []*Spurt  // all, by their end
}

// NewRoom plans a room. The error says which option is out of range. It takes some
// milliseconds for each hundred talkers.
func NewRoom(o Options) (*Room, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	r := &Room{options: o, amplitude: amplitude(min(o.Mixed, o.Talkers))}
	cycle := int(o.Cycle / cell)
	p := planner{cycle: cycle, marks: make([]bool, cycle), random: rand.New(rand.NewPCG(o.Seed, uint64(o.Talkers)))}
	for i := range o.Talkers {
		if o.Continuous {
			r.plans = append(r.plans, p.continuous(i))
		} else {
			r.plans = append(r.plans, p.paused(i))
		}
	}
	markCrowded(r.plans, cycle, o.Mixed)
	r.spurts = inOrder(r.plans, func(s *Spurt) time.Duration { return s.Start })
	tune(r.spurts, cycle, p.random)
	r.spurts = inOrder(r.plans, (*Spurt).End)
	return r, nil
}

// inOrder returns all spurts by a time of theirs.
func inOrder(plans [][]Spurt, when func(*Spurt) time.Duration) (all []*Spurt) {
	for _, p := range plans {
		for i := range p {
			all = append(all, &p[i])
		}
	}
	slices.SortStableFunc(all, func(a, b *Spurt) int { return int(when(a) - when(b)) })
	return all
}

// amplitude returns the peak of each talker's sound, such that the sum of those mixed stays
// below any limiter: always for up to 8, and in all likelihood beyond that.
func amplitude(mixed int) float64 {
	const most = 2900 // -24 dBov; 8 of them peak at -3 dBFS, and codecs overshoot
	return most * min(1, math.Sqrt(8/float64(mixed)))
}

// Options returns the options in force, defaults filled in.
func (r *Room) Options() Options { return r.options }

// Plan returns a talker's spurts in a cycle by their start. They must not be changed.
func (r *Room) Plan(talker int) []Spurt { return r.plans[talker] }
