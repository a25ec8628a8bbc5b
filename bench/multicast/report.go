//go:build linux

package multicast

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// Report is what was measured. Its JSON has units in its names, and keeps them.
type Report struct {
	Schema       int       `json:"schema"`
	Program      string    `json:"program"`
	Began        time.Time `json:"began"`
	Machine      string    `json:"machine"`
	Scheduling   string    `json:"scheduling"`
	StealPercent float64   `json:"steal_percent"`
	Apart        bool      `json:"server_on_a_processor_of_its_own"`
	Seconds      float64   `json:"seconds_each"`
	Codec        string    `json:"codec"`
	Cases        []Case    `json:"cases"`
	Crowd        *Crowd    `json:"crowd,omitempty"`
	Bars         []Bar     `json:"bars"`
}

// Case is one number of hosts.
type Case struct {
	Hosts   int  `json:"hosts"`
	Unicast Side `json:"unicast"`
	Group   Side `json:"group"`
}

// Side is a room with its listeners on one of the two ways.
type Side struct {
	Megabits float64 `json:"mbit_per_second"`    // out of the server's interface, Ethernet's headers included
	Packets  float64 `json:"packets_per_second"` // the same
	CPU      float64 `json:"cpu_percent"`        // of one processor: the middle of the window's slices
	Ratio    float64 `json:"cpu_of_reference"`   // times what the reference used meanwhile: the middle
	Noise    float64 `json:"noise_percent"`      // standard error of that, percent of it
	Deaf     int     `json:"deaf_hosts"`         // to which nothing came
	Loss     float64 `json:"loss_percent_worst"`
	LossMean float64 `json:"loss_percent_mean"`
	Jitter   float64 `json:"jitter_ms_median"`
	JitterX  float64 `json:"jitter_ms_worst"`
	BitsIn   float64 `json:"rtcp_bits_per_second_in"`  // of the group, IP packets
	BitsOut  float64 `json:"rtcp_bits_per_second_out"` // and what is sent again
	Feedback float64 `json:"feedback_percent"`         // both, of the bandwidth that the description tells (RFC 3550 section 6.2)
}

// Bar is what must hold.
type Bar struct {
	What  string  `json:"what"`
	Is    float64 `json:"is"`
	Bound float64 `json:"bound"`
	Met   bool    `json:"met"`
}

// Bounds.
const (
	trafficBound  = 0.02 // of the group, from the fewest hosts to the most
	cpuBound      = 0.02 // the same, and twice the standard error
	feedbackBound = 5.0  // percent
)

// judge compares the fewest hosts with the most, and all feedback with its bound.
func (r *Report) judge() {
	first, last := r.Cases[0], r.Cases[len(r.Cases)-1]
	if last.Hosts > first.Hosts {
		r.bar(fmt.Sprintf("group traffic, %d hosts against %d: change", last.Hosts, first.Hosts), math.Abs(last.Group.Megabits/first.Group.Megabits-1), trafficBound)
		growth, deviation := r.growth()
		noise := 2 * max(deviation, math.Hypot(first.Group.Noise, last.Group.Noise)/100)
		r.bar(fmt.Sprintf("group CPU of reference, %d hosts against %d: growth, noise %.3f", last.Hosts, first.Hosts, noise), growth, cpuBound+noise)
	}
	for _, c := range r.Cases {
		r.bar(fmt.Sprintf("feedback of %d hosts, %%", c.Hosts), c.Group.Feedback, feedbackBound)
	}
	if r.Crowd != nil {
		r.bar(fmt.Sprintf("feedback of %d receivers, %%", r.Crowd.Receivers), r.Crowd.Feedback, feedbackBound)
	}
}

// growth is that of the group's processor time from the fewest hosts to the most, by the line
// that fits all cases best, and its standard error, which with two cases is 0.
func (r *Report) growth() (share, deviation float64) {
	n := float64(len(r.Cases))
	var x, y float64 // means
	for _, c := range r.Cases {
		x, y = x+float64(c.Hosts)/n, y+c.Group.Ratio/n
	}
	var xx, xy, rest float64
	for _, c := range r.Cases {
		dx := float64(c.Hosts) - x
		xx, xy = xx+dx*dx, xy+dx*(c.Group.Ratio-y)
	}
	slope := xy / xx
	for _, c := range r.Cases {
		d := c.Group.Ratio - y - slope*(float64(c.Hosts)-x)
		rest += d * d
	}
	least, most := float64(r.Cases[0].Hosts), float64(r.Cases[len(r.Cases)-1].Hosts)
	per := (most - least) / (y + slope*(least-x))
	if n > 2 {
		deviation = math.Sqrt(rest/(n-2)/xx) * per
	}
	return slope * per, deviation
}

func (r *Report) bar(what string, is, bound float64) {
	r.Bars = append(r.Bars, Bar{what, is, bound, is <= bound})
}

// Missed is an error if a bar is not met.
func (r *Report) Missed() error {
	var all []error
	for _, b := range r.Bars {
		if !b.Met {
			all = append(all, fmt.Errorf("%s: %.3f; the bound is %.3f", b.What, b.Is, b.Bound))
		}
	}
	return errors.Join(all...)
}

// Head tells where and how, and heads the columns.
func (r *Report) Head(to io.Writer) error {
	apart := "servers share their processors with the hosts"
	if r.Apart {
		apart = "servers have a processor; switch and hosts are on the other"
	}
	_, err := fmt.Fprintf(to, "%s\nmachine: %s\nscheduling: %s; %s\none room, 3 talkers, %s; %.0f s each\n\n%6s  %-8s %9s %9s %7s %7s %7s %6s %8s %8s %9s %9s %9s\n",
		r.Program, r.Machine, r.Scheduling, apart, r.Codec, r.Seconds,
		"HOSTS", "WAY", "MBIT/S", "PACKETS/S", "CPU %", "OF REF", "NOISE %", "LOSS %", "JITTER", "WORST ms", "RTCP IN", "OUT b/s", "FEEDBACK%")
	return err
}

// Write tells a case.
func (c *Case) Write(to io.Writer) error {
	for _, s := range []struct {
		way string
		Side
	}{{"unicast", c.Unicast}, {"group", c.Group}} {
		deaf := ""
		if s.Deaf > 0 {
			deaf = fmt.Sprintf("  %d heard nothing", s.Deaf)
		}
		if _, err := fmt.Fprintf(to, "%6d  %-8s %9.4f %9.1f %7.2f %7.2f %7.1f %6.2f %8.2f %8.2f %9.0f %9.0f %9.2f%s\n", c.Hosts, s.way,
			s.Megabits, s.Packets, s.CPU, s.Ratio, s.Noise, s.Loss, s.Jitter, s.JitterX, s.BitsIn, s.BitsOut, s.Feedback, deaf); err != nil {
			return err
		}
	}
	return nil
}

// Tail tells what came of it.
func (r *Report) Tail(to io.Writer) error {
	var b strings.Builder
	if c := r.Crowd; c != nil {
		fmt.Fprintf(&b, "\n%d simulated receivers: %d reports in %.0f s, %.0f bit/s in and %.0f bit/s out of RTCP; the server estimates %d\n",
			c.Receivers, c.Reports, c.Seconds, c.BitsIn, c.BitsOut, c.Estimate)
	}
	b.WriteString("\n")
	for _, bar := range r.Bars {
		word := "met"
		if !bar.Met {
			word = "MISSED"
		}
		fmt.Fprintf(&b, "%-62s %8.3f  bound %.3f  %s\n", bar.What, bar.Is, bar.Bound, word)
	}
	fmt.Fprintf(&b, "stolen from the machine meanwhile: %.2f %%\n", r.StealPercent)
	_, err := io.WriteString(to, b.String())
	return err
}
