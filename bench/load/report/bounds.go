package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Bounds are what quality must not fall below. Nil is no bound; a bound itself is within.
type Bounds struct {
	MaxLossPercent *float64 `json:"max_loss_percent,omitempty"` // of all packets together
	MaxDelayP99MS  *float64 `json:"max_delay_p99_ms,omitempty"`
	MinMOS         *float64 `json:"min_mos,omitempty"` // of the caller who is worst off
	// Of video: the share of time in which pictures stood still, and their delay.
	MaxFrozenPercent     *float64 `json:"max_frozen_percent,omitempty"`
	MaxPictureDelayP99MS *float64 `json:"max_picture_delay_p99_ms,omitempty"`
}

// Names of what can break.
const (
	BoundCalls      = "calls"      // every call is answered and goes on
	BoundDeaf       = "deaf"       // media comes to every caller
	BoundUnheard    = "unheard"    // every talker is heard
	BoundOwnVoice   = "own-voice"  // nobody hears himself
	BoundUnexpected = "unexpected" // nobody hears anyone else than his room
	BoundLoss       = "max-loss"
	BoundDelay      = "max-delay"
	BoundMOS        = "min-mos"
)

// Verdict says whether all was as it should be.
type Verdict struct {
	Passed bool     `json:"passed"`
	Broken []Breach `json:"broken"`
}

// Breach is a bound that broke.
type Breach struct {
	Bound string `json:"bound"` // its name
	Text  string `json:"text"`  // what was, and what would have been right
}

// Names returns the names of the bounds that broke.
func (v *Verdict) Names() (names []string) {
	for _, b := range v.Broken {
		names = append(names, b.Bound)
	}
	return names
}

// Judge says what of the report is not as it should be. Whatever the bounds: calls that
// failed, callers without media, talkers whom nobody ever heard, and anyone who heard himself
// or strangers; with video, callers who were refused it or saw not whom they should have, and
// pictures that the server spoilt. Single spurts that were missed break nothing, since loss and crowds do that.
// What a bound is about and could not be measured breaks it.
func (b Bounds) Judge(r *Report) Verdict {
	v := Verdict{Broken: []Breach{}}
	v.people(r)
	v.bounds(b, &r.Total)
	v.video(b, r.Video)
	v.Passed = len(v.Broken) == 0
	return v
}

func (v *Verdict) add(bound, format string, args ...any) {
	v.Broken = append(v.Broken, Breach{bound, fmt.Sprintf(format, args...)})
}

// people judges what no bound allows.
func (v *Verdict) people(r *Report) {
	c, h := &r.Calls, &r.Total.Heard
	if failed := c.FailedInAll(); failed > 0 {
		v.add(BoundCalls, "%s of %s failed: %s", thousands(failed), count(c.Tried, "call"), causes(c.Failed))
	} else if c.Answered == 0 {
		v.add(BoundCalls, "no call was answered; %d were tried", c.Tried)
	}
	if h.DeafCallers > 0 {
		v.add(BoundDeaf, "no media came to %s", count(h.DeafCallers, "caller"))
	}
	if h.UnheardCallers > 0 {
		v.add(BoundUnheard, "nobody heard %s", count(h.UnheardCallers, "talker"))
	}
	if h.OwnCallers > 0 {
		v.add(BoundOwnVoice, "%s heard their own voice", count(h.OwnCallers, "caller"))
	}
	if h.UnexpectedCallers > 0 {
		v.add(BoundUnexpected, "%s heard somebody whom they should not", count(h.UnexpectedCallers, "caller"))
	}
}

func (v *Verdict) bounds(b Bounds, q *Quality) {
	if most := b.MaxLossPercent; most != nil {
		v.atMost(BoundLoss, "the share of packets lost", "%", q.Media.Received+q.Media.Lost > 0, q.Media.LossPercent, *most)
	}
	if most := b.MaxDelayP99MS; most != nil {
		v.atMost(BoundDelay, "the 99th percentile of delay", "ms", q.DelayMS.N > 0, q.DelayMS.P99, *most)
	}
	if least := b.MinMOS; least != nil {
		switch {
		case q.MOS == nil:
			v.add(BoundMOS, "nobody could be rated; a MOS of at least %s is right", short(*least))
		case q.MOS.Min < *least:
			was, right := differing(q.MOS.Min, *least)
			v.add(BoundMOS, "the MOS of who is worst off is %s; at least %s is right", was, right)
		}
	}
}

func (v *Verdict) atMost(bound, what, unit string, known bool, was, most float64) {
	switch {
	case !known:
		v.add(bound, "%s is not known; at most %s %s is right", what, short(most), unit)
	case was > most:
		is, right := differing(was, most)
		v.add(bound, "%s is %s %s; at most %s %s is right", what, is, unit, right, unit)
	}
}

// causes lists what calls failed of, the most frequent first.
func causes(failed map[string]int) string {
	names := slices.SortedFunc(maps.Keys(failed), func(a, b string) int {
		if failed[a] != failed[b] {
			return failed[b] - failed[a]
		}
		return strings.Compare(a, b)
	})
	words := make([]string, 0, len(names))
	for _, n := range names {
		if failed[n] > 0 {
			words = append(words, fmt.Sprintf("%s %s", thousands(failed[n]), n))
		}
	}
	return strings.Join(words, ", ")
}
