//go:build linux

package multicast

import (
	"bytes"
	"fmt"

	"github.com/confd/confd/bench/plot"
)

// Plot draws traffic and processor time against hosts, one above the other.
func (r *Report) Plot() []byte {
	traffic := r.draw("What a room sends against how many hosts hear it", "Mbit/s out of the server", func(s *Side) float64 { return s.Megabits })
	cpu := r.draw("What it costs the server", "% of a processor", func(s *Side) float64 { return s.CPU })
	about := fmt.Sprintf("%s; %s; %.2f %% stolen.", r.Codec, r.Machine, r.StealPercent)
	traffic.About, cpu.About = "Traffic. "+about, "Processor time. "+about
	return stack(traffic, cpu)
}

func (r *Report) draw(title, label string, of func(*Side) float64) plot.Plot {
	p := plot.Plot{Title: title, Alone: true, Height: height, Width: width,
		X: plot.Axis{Label: "hosts", Zero: true}, Y: plot.Axis{Label: label, Zero: true}}
	unicast, group := plot.Series{Name: "unicast: a call each"}, plot.Series{Name: "the room's group"}
	for i := range r.Cases {
		c := &r.Cases[i]
		x := float64(c.Hosts)
		unicast.X, unicast.Y = append(unicast.X, x), append(unicast.Y, of(&c.Unicast))
		group.X, group.Y = append(group.X, x), append(group.Y, of(&c.Group))
	}
	p.Series = []plot.Series{unicast, group}
	return p
}

const width, height = 720, 320

// stack puts two drawings into one.
func stack(above, below plot.Plot) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d">`+"\n<g>\n", width, 2*height)
	b.Write(above.SVG())
	fmt.Fprintf(&b, "</g>\n<g transform=\"translate(0 %d)\">\n", height)
	b.Write(below.SVG())
	b.WriteString("</g>\n</svg>\n")
	return b.Bytes()
}
