//go:build linux

package main

import (
	"fmt"

	"github.com/confd/confd/bench/plot"
)

// plot draws what a tick and its transport cost, and their floors, against participants.
func (r *benchReport) plot() []byte {
	p := plot.Plot{
		Title: "What a room costs against how many are in it", Alone: true, Height: 420,
		About: fmt.Sprintf("Processor time of a whole tick with its packets, and its floor. %s; %.2f %% stolen.", r.Machine, r.StealPercent),
		X:     plot.Axis{Label: "participants", Log: true}, Y: plot.Axis{Label: "µs of a processor per tick", Log: true},
	}
	places := map[string]int{} // of the series
	for i := range r.Cases {
		c := &r.Cases[i]
		name := fmt.Sprintf("%s, %d talking", c.Codec, c.Talkers)
		at, ok := places[name]
		if !ok {
			at = len(p.Series)
			places[name] = at
			p.Series = append(p.Series, plot.Series{Name: name}, plot.Series{Name: "its floor", Beside: true})
		}
		for j, ns := range []float64{c.Whole.NS, c.Whole.FloorNS} {
			s := &p.Series[at+j]
			s.X, s.Y = append(s.X, float64(c.Participants)), append(s.Y, ns/1e3)
		}
	}
	return p.SVG()
}
