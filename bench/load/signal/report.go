package signal

import (
	"math"
	"time"
)

// Kind says what a Finding is.
type Kind uint8

// Kinds of findings.
const (
	Delayed    Kind = iota // a spurt's chirp was heard: Time is the delay from mouth to ear
	Missed                 // a spurt that had to be heard was not
	Unexpected             // somebody who does not speak now, or not in this room, begins to be heard
	Own                    // a spurt of the ear's own talker came back
	Gap                    // sound was missing within a spurt: Time says how much
	Jump                   // sound was repeated or left out within a spurt, and nothing is missing
	Clipped                // the beginning of a spurt was missing: Time says how much
	Click                  // DB is its strength per line, of a talker's
	OffLevel               // a spurt was heard DB louder than said
)

// Kinds is how many kinds there are.
const Kinds = int(OffLevel) + 1

var kindNames = [Kinds]string{"delayed", "missed", "unexpected", "own", "gap", "jump", "clipped", "click", "off level"}

// String names the kind.
func (k Kind) String() string { return kindNames[k] }

// Finding is one thing that an ear found.
type Finding struct {
	Kind   Kind
	Talker int           // whose sound it is about, or NoOne
	At     int64         // when it was heard, ns; if it was not, when it was said
	Time   time.Duration // as Kind says, else 0
	DB     float32       // likewise
}

// Tally counts spurts of one talker.
type Tally struct {
	Expected, Heard     int // those that had to be heard
	Crowded, CrowdHeard int // those at a time when more spoke than are mixed
}

// Totals is all that an ear counted. The last seconds are not in it yet: four, of what is
// unexpected or its own eight.
type Totals struct {
	Tally
	Counts         [Kinds]int    // findings, by their kind
	Unjudged       int           // spurts of which more than half was lost on the way to the ear
	Undated        int           // spurts that were heard but for their chirp
	UnexpectedTime time.Duration // for which somebody unexpected was heard
	Onset          time.Duration // missing at the beginning of spurts, all together
	// PlacesDue is the time, of all talkers together, for which somebody should have been
	// heard: who has spoken for 400 ms, and in a crowd as many as the server mixes.
	// PlacesHeard is how much of it somebody was, by the power of it all.
	PlacesDue, PlacesHeard        time.Duration
	Levels                        int     // spurts whose level was measured
	LevelSum, LevelLow, LevelHigh float64 // dB
}

func (t *Totals) level(power float32) {
	db := float64(decibels(power))
	if t.Levels == 0 {
		t.LevelLow, t.LevelHigh = db, db
	}
	t.Levels++
	t.LevelSum += db
	t.LevelLow, t.LevelHigh = min(t.LevelLow, db), max(t.LevelHigh, db)
}

func decibels(power float32) float32 { return float32(10 * math.Log10(max(float64(power), 1e-12))) }

func (e *Ear) find(f Finding) {
	if f.At < e.counting {
		return
	}
	e.totals.Counts[f.Kind]++
	if e.config.Found != nil {
		e.config.Found(f)
	}
}

// Add adds what another ear counted.
func (t *Totals) Add(o *Totals) {
	t.Tally.Add(o.Tally)
	for i, n := range o.Counts {
		t.Counts[i] += n
	}
	t.Unjudged += o.Unjudged
	t.Undated += o.Undated
	t.UnexpectedTime += o.UnexpectedTime
	t.Onset += o.Onset
	t.PlacesDue += o.PlacesDue
	t.PlacesHeard += o.PlacesHeard
	if t.Levels == 0 {
		t.LevelLow, t.LevelHigh = o.LevelLow, o.LevelHigh
	}
	if o.Levels > 0 {
		t.LevelLow, t.LevelHigh = min(t.LevelLow, o.LevelLow), max(t.LevelHigh, o.LevelHigh)
	}
	t.Levels += o.Levels
	t.LevelSum += o.LevelSum
}

// Add adds what another ear counted.
func (t *Tally) Add(o Tally) {
	t.Expected += o.Expected
	t.Heard += o.Heard
	t.Crowded += o.Crowded
	t.CrowdHeard += o.CrowdHeard
}

// Talker returns the counts of one talker.
func (e *Ear) Talker(i int) Tally { return e.talkers[i].tally }

// Totals returns everything counted so far.
func (e *Ear) Totals() Totals {
	t := e.totals
	for i := range e.talkers {
		t.Tally.Add(e.talkers[i].tally)
	}
	return t
}
