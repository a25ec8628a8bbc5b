//go:build linux

package load

import (
	"slices"
	"time"

	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/load/report"
	"github.com/confd/confd/bench/load/signal"
	"github.com/confd/confd/media"
)

// tally is what the callers of a room, or of all, met in a window.
type tally struct {
	codec            media.Format
	callers, talkers int
	counts           fleet.Counts
	jitters          []float64 // ms, of callers for whom it is known
	verified         [3]int
	heard            report.Heard // callers only
	totals           signal.Totals
	delays           fleet.Delays
	talks            []signal.Tally // by talker, of a room
	scores           []float64
}

// hear takes in what a room's ears judged. It comes before meet.
func (t *tally) hear(r *fleet.Room) {
	t.totals, t.delays, t.talks = r.Heard, r.Delays, r.Talkers
}

// unheard tells whether a talker should have been heard, and never was.
func (t *tally) unheard(talker int) bool {
	return talker < len(t.talks) && t.talks[talker].Expected > 0 && t.talks[talker].Heard == 0
}

// meet takes in what a connected caller met.
func (t *tally) meet(c *fleet.Caller, talker bool) {
	t.callers++
	if talker {
		t.talkers++
	}
	t.counts.Add(&c.Counts)
	if c.Jitter > 0 {
		t.jitters = append(t.jitters, ms(c.Jitter))
	}
	t.verified[c.Verified]++
	if come := c.Received + c.Lost; come > 0 {
		l := report.Line{Codec: t.codec.Codec, PacketTime: t.codec.PacketTime, LossPercent: 100 * float64(c.Lost) / float64(come),
			Delay: t.delays.Quantile(0.5)}
		t.scores = append(t.scores, l.MOS())
	}
}

// add takes in what a room met.
func (t *tally) add(o *tally) {
	t.callers += o.callers
	t.talkers += o.talkers
	t.counts.Add(&o.counts)
	t.jitters = append(t.jitters, o.jitters...)
	for i, n := range o.verified {
		t.verified[i] += n
	}
	t.heard.DeafCallers += o.heard.DeafCallers
	t.heard.UnheardCallers += o.heard.UnheardCallers
	t.heard.OwnCallers += o.heard.OwnCallers
	t.heard.UnexpectedCallers += o.heard.UnexpectedCallers
	t.totals.Add(&o.totals)
	t.delays.Add(o.delays)
	t.scores = append(t.scores, o.scores...)
}

// quality words the tally for a report.
func (t *tally) quality() report.Quality {
	return report.Quality{
		Media: t.media(), DelayMS: report.NewQuantiles(values(t.delays)), Heard: t.hearing(), Sound: t.sound(),
		Verified: report.Verified{BySound: t.verified[fleet.BySound], ByPayload: t.verified[fleet.ByPayload], Not: t.verified[fleet.Unverified]},
		MOS:      report.NewMOS(slices.Clone(t.scores)),
	}
}

func (t *tally) media() report.Media {
	c := &t.counts
	m := report.Media{Sent: c.Sent, Withheld: c.Withheld, Received: c.Received, Lost: c.Lost, Reordered: c.Reordered, Duplicated: c.Duplicated}
	if come := c.Received + c.Lost; come > 0 {
		m.LossPercent = 100 * float64(c.Lost) / float64(come)
	}
	if n := len(t.jitters); n > 0 {
		q := report.NewQuantiles(slices.Clone(t.jitters))
		m.JitterMeanMS, m.JitterMaxMS = q.Mean, q.Max
	}
	return m
}

func (t *tally) hearing() report.Heard {
	h, s := t.heard, &t.totals
	h.Expected, h.Heard, h.Missed = s.Expected, s.Heard, s.Counts[signal.Missed]
	h.Crowded, h.CrowdHeard = s.Crowded, s.CrowdHeard
	h.Unexpected, h.Own = s.Counts[signal.Unexpected], s.Counts[signal.Own]
	h.PlacesDueSeconds, h.PlacesHeardSeconds = s.PlacesDue.Seconds(), s.PlacesHeard.Seconds()
	return h
}

func (t *tally) sound() report.Sound {
	s := &t.totals
	return report.Sound{Gaps: s.Counts[signal.Gap], Clicks: s.Counts[signal.Click], Jumps: s.Counts[signal.Jump],
		Clipped: s.Counts[signal.Clipped], OffLevel: s.Counts[signal.OffLevel],
		Level: report.Level{N: s.Levels, MinDB: s.LevelLow, MeanDB: s.LevelSum / max(float64(s.Levels), 1), MaxDB: s.LevelHigh}}
}

// values lists delays in ms, each as often as it was measured.
func values(d fleet.Delays) []float64 {
	all := make([]float64, 0, d.Len())
	for i, n := range d {
		for range n {
			all = append(all, ms(time.Duration(i)*fleet.DelayStep))
		}
	}
	return all
}
