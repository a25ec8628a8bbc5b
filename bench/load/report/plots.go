package report

import (
	"fmt"
	"html/template"
	"math"

	"github.com/confd/confd/bench/plot"
)

// plots are all for which there are figures.
func (r *Report) plots() (all []template.HTML) {
	add := func(p plot.Plot) {
		for _, s := range p.Series {
			for i := range s.Y {
				if !math.IsNaN(s.Y[i]) {
					p.Width, p.Height = 560, 250 // two beside each other
					all = append(all, template.HTML(p.SVG()))
					return
				}
			}
		}
	}
	add(r.delayPlot())
	add(r.delayInTime())
	r.rampPlots(add)
	r.videoPlots(add)
	add(r.callersInTime())
	add(r.lossInTime())
	add(r.setupPlot())
	add(r.roomPlot())
	if r.Ramp == nil {
		add(r.serverInTime())
	}
	return all
}

// bars makes a series of a histogram.
func bars(h *Histogram) (s plot.Series) {
	if h == nil {
		return s
	}
	s = plot.Series{Kind: plot.Bars, Width: h.WidthMS}
	for i, n := range h.Counts {
		s.X, s.Y = append(s.X, h.FromMS+float64(i)*h.WidthMS), append(s.Y, float64(n))
	}
	return s
}

// quantileMarks are the median and the 99th percentile, if that is on the plot.
func quantileMarks(q Quantiles, h *Histogram) []plot.Mark {
	marks := []plot.Mark{{Label: fmt.Sprintf("p50 %s ms", short(q.P50)), At: q.P50, Vertical: true}}
	if h != nil && q.P99 <= h.FromMS+float64(len(h.Counts))*h.WidthMS {
		marks = append(marks, plot.Mark{Label: fmt.Sprintf("p99 %s ms", short(q.P99)), At: q.P99, Vertical: true})
	}
	return marks
}

func beyond(h *Histogram, label string) string {
	if h != nil && h.Beyond > 0 {
		label += fmt.Sprintf("; %s beyond", thousands(h.Beyond))
	}
	return label
}

func (r *Report) delayPlot() plot.Plot {
	return plot.Plot{
		Title: "Delay from mouth to ear", About: "How often which delay was measured: " + r.Total.DelayMS.words("measurements"),
		X: plot.Axis{Label: beyond(r.Delays, "ms")}, Y: plot.Axis{Label: "measurements"},
		Series: []plot.Series{bars(r.Delays)}, Marks: quantileMarks(r.Total.DelayMS, r.Delays),
	}
}

func (r *Report) setupPlot() plot.Plot {
	return plot.Plot{
		Title: "Setup time of calls", About: "How often which time from INVITE to 200 was measured: " + r.Calls.SetupMS.words("calls"),
		X: plot.Axis{Label: beyond(r.Calls.Setups, "ms from INVITE to 200")}, Y: plot.Axis{Label: "calls"},
		Series: []plot.Series{bars(r.Calls.Setups)}, Marks: quantileMarks(r.Calls.SetupMS, r.Calls.Setups),
	}
}

// inTime makes a series of the timeline. Where none says so, 0 was not measured.
func (r *Report) inTime(name string, zero bool, value func(*Moment) float64) plot.Series {
	s := plot.Series{Name: name}
	for i := range r.Timeline {
		m := &r.Timeline[i]
		s.X, s.Y = append(s.X, m.AtSeconds), append(s.Y, known(value(m), zero))
	}
	return s
}

func known(v float64, zero bool) float64 {
	if v == 0 && !zero {
		return math.NaN()
	}
	return v
}

var seconds = plot.Axis{Label: "seconds"}

func (r *Report) delayInTime() plot.Plot {
	return plot.Plot{
		Title: "Delay over time", About: "Median and 99th percentile of the delay from mouth to ear, while the load ran.",
		X: seconds, Y: plot.Axis{Label: "ms", Zero: true}, Marks: r.delayBound(),
		Series: []plot.Series{r.inTime("p99", false, func(m *Moment) float64 { return m.DelayP99MS }), r.inTime("p50", false, func(m *Moment) float64 { return m.DelayP50MS })},
	}
}

func (r *Report) delayBound() []plot.Mark {
	if b := r.Options.Bounds.MaxDelayP99MS; b != nil {
		return []plot.Mark{{Label: fmt.Sprintf("bound of p99: %s ms", short(*b)), At: *b}}
	}
	return nil
}

func (r *Report) lossBound() []plot.Mark {
	if b := r.Options.Bounds.MaxLossPercent; b != nil {
		return []plot.Mark{{Label: fmt.Sprintf("bound: %s %%", short(*b)), At: *b}}
	}
	return nil
}

func (r *Report) callersInTime() plot.Plot {
	s := r.inTime("callers", true, func(m *Moment) float64 { return float64(m.Callers) })
	s.Kind = plot.Steps
	return plot.Plot{Title: "Callers over time", About: "How many callers were connected.", X: seconds, Y: plot.Axis{Label: "callers", Zero: true}, Series: []plot.Series{s}}
}

func (r *Report) lossInTime() plot.Plot {
	return plot.Plot{
		Title: "Loss over time", About: "Packets that the server sent and that did not arrive, percent.",
		X: seconds, Y: plot.Axis{Label: "% of packets", Zero: true, AtLeast: 0.1}, Marks: r.lossBound(),
		Series: []plot.Series{r.inTime("loss", true, func(m *Moment) float64 { return m.LossPercent })},
	}
}

func (r *Report) serverInTime() plot.Plot {
	return plot.Plot{
		Title: "Server's processor time over time", About: "What the server used, percent of a core.",
		X: seconds, Y: plot.Axis{Label: "% of a core", Zero: true},
		Series: []plot.Series{r.inTime("server", false, func(m *Moment) float64 { return m.ServerCPUPercent })},
	}
}

// fewRooms are drawn as a point each, more as a line.
const fewRooms = 60

// roomPlot shows all rooms in the order of their delay: how many are much worse than others.
func (r *Report) roomPlot() plot.Plot {
	p := plot.Plot{
		Title: "Rooms by delay", About: "The median and the 99th percentile of delay in each room, the rooms in the order of the table, the worst first.",
		X: plot.Axis{Label: "rooms, the worst first"}, Y: plot.Axis{Label: "ms", Zero: true}, Marks: r.delayBound(),
	}
	if len(r.Rooms) < 2 {
		return p
	}
	p99, p50 := plot.Series{Name: "p99"}, plot.Series{Name: "p50"}
	if len(r.Rooms) <= fewRooms {
		p99.Kind, p50.Kind = plot.Points, plot.Points
	}
	for i, room := range worstRooms(r.Rooms, len(r.Rooms)) {
		at := float64(i + 1)
		p99.X, p99.Y = append(p99.X, at), append(p99.Y, known(room.DelayMS.P99, false))
		p50.X, p50.Y = append(p50.X, at), append(p50.Y, known(room.DelayMS.P50, false))
	}
	p.Series = []plot.Series{p99, p50}
	return p
}

func (r *Report) rampPlots(add func(plot.Plot)) {
	if r.Ramp == nil {
		return
	}
	against := func(name string, value func(*Step) float64) plot.Series {
		s := plot.Series{Name: name}
		for i := range r.Ramp.Steps {
			step := &r.Ramp.Steps[i]
			s.X, s.Y = append(s.X, float64(step.Callers)), append(s.Y, known(value(step), false))
		}
		return s
	}
	callers := plot.Axis{Label: "callers", Zero: true}
	add(plot.Plot{
		Title: "Delay against callers", About: "Median and 99th percentile of delay at each step of the ramp.", X: callers, Y: plot.Axis{Label: "ms", Zero: true},
		Marks:  append(r.delayBound(), r.capacity()...),
		Series: []plot.Series{against("p99", func(s *Step) float64 { return s.DelayP99MS }), against("p50", func(s *Step) float64 { return s.DelayP50MS })},
	})
	add(plot.Plot{
		Title: "Server's processor time against callers", About: "What the server used at each step of the ramp, percent of a core.",
		X: callers, Y: plot.Axis{Label: "% of a core", Zero: true}, Marks: r.capacity(),
		Series: []plot.Series{against("server", func(s *Step) float64 { return s.ServerCPUPercent })},
	})
	add(plot.Plot{
		Title: "Server's memory against callers", About: "What the server held at each step of the ramp, in MB.",
		X: callers, Y: plot.Axis{Label: "MB", Zero: true}, Marks: r.capacity(),
		Series: []plot.Series{against("server", func(s *Step) float64 { return float64(s.ServerRSSBytes) / (1 << 20) })},
	})
}

func (r *Report) capacity() []plot.Mark {
	if r.Ramp.Bound == "" || r.Ramp.Capacity == 0 {
		return nil
	}
	return []plot.Mark{{Label: "capacity " + thousands(r.Ramp.Capacity), At: float64(r.Ramp.Capacity), Vertical: true}}
}
