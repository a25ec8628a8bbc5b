//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/confd/confd/bench/forwarding"
	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/bench/plot"
	"github.com/confd/confd/internal/buildinfo"
)

// benchForward measures the forwarder beside the barest loop that does as much.
type benchForward struct {
	Case    []string      `placeholder:"SxR" default:"1x50,1x500,25x24" help:"How many send, and to how many each: 1x500 is one lecturer, 25x24 are 25 who all see each other. Up to 50 and 2000. Default ${default}."`
	Bitrate int           `placeholder:"BITS" default:"1200000" help:"What each sends a second, 50000 to 10000000. Default ${default}."`
	SRTP    string        `default:"both" enum:"off,on,both" help:"Plain RTP, SRTP by AEAD_AES_128_GCM, or one after the other. Default ${default}."`
	Rounds  int           `placeholder:"N" default:"15" help:"How many times each is measured, in turns, 1 to 1000. Default ${default}."`
	Slice   time.Duration `placeholder:"TIME" default:"500ms" help:"How long each time, 100ms to 1s. Default ${default}."`
	JSON    bool          `name:"json" help:"Print JSON."`
	Plot    string        `placeholder:"FILE" help:"Draw cost against receivers, as SVG."`
	Serve   bool          `hidden:"" help:"Be a server of the benchmark."`
}

// Help says what the figures are.
func (benchForward) Help() string {
	return `Senders and receivers are sockets of this program; each server is a process of its own. In turns, under the same load:

  confd      the forwarder, with a leg and a socket for each stream
  sendmmsg   the barest loop: receive, rewrite the header, protect, and send 64 packets a call from one socket
  segmented  the same, but the kernel cuts what one receiver gets of a picture into packets
  sockets    the same with a socket for each receiver: phones want what they are sent to come from a port of their own

Costs are microseconds of processor time for each packet that came out. OF BEST is the cheapest loop's cost by confd's: the share that confd reaches of the packets that a processor can forward at all; OF PORTS is that of the loop with as many sockets as confd. Both can be compared with other runs and machines. LATE is from the last packet of a picture to the last one of what became of it.`
}

// Bounds of the flags.
const (
	mostRounds    = 1000
	shortestSlice = 100 * time.Millisecond
	longestSlice  = time.Second
)

// cases are all that the flags ask for.
func (c *benchForward) cases() (all []forwarding.Case, err error) {
	switch {
	case c.Rounds < 1 || c.Rounds > mostRounds:
		return nil, fmt.Errorf("--rounds: %d; right is 1 to %d", c.Rounds, mostRounds)
	case c.Slice < shortestSlice || c.Slice > longestSlice:
		return nil, fmt.Errorf("--slice: %v; right is %v to %v", c.Slice, shortestSlice, longestSlice)
	case len(c.Case) == 0:
		return nil, errors.New("--case: there is none; right is such as 1x500")
	}
	for _, text := range c.Case {
		k := forwarding.Case{Bitrate: c.Bitrate}
		if n, err := fmt.Sscanf(text+";", "%dx%d;", &k.Senders, &k.Receivers); n != 2 || err != nil {
			return nil, fmt.Errorf("--case %q: right is such as 1x500", text)
		}
		for _, secure := range []bool{false, true} {
			k.Secure = secure
			if err := k.Check(); err != nil {
				return nil, fmt.Errorf("--case %s: %w", text, err)
			}
			if c.SRTP == "both" || (c.SRTP == "on") == secure {
				all = append(all, k)
			}
		}
	}
	return all, nil
}

// Run measures case by case and prints each as soon as it is known.
func (c benchForward) Run(ctx context.Context, m *Main) error {
	if c.Serve {
		return forwarding.Serve(os.Stdin, m.Stdout)
	}
	cases, err := c.cases()
	if err != nil {
		return &usageError{err}
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	out := m.Stdout
	if c.JSON {
		out = io.Discard
	}
	r := &forwardReport{Schema: 1, Subject: "forward", Program: buildinfo.String(), Began: time.Now().UTC(), Machine: measure.Machine(), Scheduling: measure.Scheduling()}
	r.head(out)
	for _, k := range cases {
		result, err := forwarding.Run(ctx, k, forwarding.Options{
			Rounds: c.Rounds, Slice: c.Slice, Ways: []forwarding.Way{forwarding.Forwarder, forwarding.Batched, forwarding.Segmented, forwarding.Sockets},
			Server: func() *exec.Cmd { return exec.Command(program, "bench", "forward", "--serve") },
		})
		if err != nil {
			return fmt.Errorf("bench forward: %v: %w", k, err)
		}
		f := forwardCaseOf(result)
		r.Cases = append(r.Cases, f)
		if err := f.lines(out); err != nil {
			return err
		}
	}
	return c.write(m.Stdout, r)
}

func (c *benchForward) write(out io.Writer, r *forwardReport) error {
	if c.Plot != "" {
		if err := os.WriteFile(c.Plot, r.plot(), 0o644); err != nil {
			return fmt.Errorf("--plot: %w", err)
		}
	}
	if !c.JSON {
		return nil
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// forwardReport is what was measured. Its JSON has units in its names, and keeps them.
type forwardReport struct {
	Schema     int           `json:"schema"`
	Subject    string        `json:"subject"`
	Program    string        `json:"program"`
	Began      time.Time     `json:"began"`
	Machine    string        `json:"machine"`
	Scheduling string        `json:"scheduling"`
	Cases      []forwardCase `json:"cases"`
}

type forwardCase struct {
	forwarding.Case
	OfBest  float64      `json:"of_best"`  // the cheapest floor's cost by confd's
	OfPorts float64      `json:"of_ports"` // that of the floor with a socket for each receiver
	Ways    []forwardWay `json:"ways"`
}

type forwardWay struct {
	Way      forwarding.Way `json:"way"`
	PacketUS float64        `json:"packet_us"`
	PerCore  float64        `json:"packets_per_core"`
	Load     float64        `json:"load_percent"` // of one processor
	Packets  uint64         `json:"packets"`
	Missing  int64          `json:"missing"`
	Late50MS float64        `json:"late_p50_ms"`
	Late99MS float64        `json:"late_p99_ms"`
}

func forwardCaseOf(r *forwarding.Result) forwardCase {
	f := forwardCase{Case: r.Case}
	own := r.Cost(forwarding.Forwarder)
	f.OfBest, f.OfPorts = r.Floor().By(own), r.Cost(forwarding.Sockets).By(own)
	for _, w := range r.Ways {
		f.Ways = append(f.Ways, forwardWay{
			Way: w.Way, PacketUS: float64(w.PerPacket) / 1e3, PerCore: w.PerCore(), Load: 100 * w.Load,
			Packets: w.Packets, Missing: w.Missing, Late50MS: float64(w.Late50) / 1e6, Late99MS: float64(w.Late99) / 1e6,
		})
	}
	return f
}

func (r *forwardReport) head(out io.Writer) {
	fmt.Fprintf(out, "%s\nmachine: %s\nscheduling: %s\n\n%-36s %-10s %9s %10s %7s %9s %9s %8s %8s %9s\n", r.Program, r.Machine, r.Scheduling,
		"CASE", "WAY", "US/PACKET", "PER CORE", "LOAD %", "LATE p50", "p99 ms", "MISSING", "OF BEST", "OF PORTS")
}

// lines are a case in the columns of head.
func (f *forwardCase) lines(out io.Writer) error {
	var b strings.Builder
	for _, w := range f.Ways {
		best, ports := "", ""
		if w.Way == forwarding.Forwarder {
			best, ports = fmt.Sprintf("%.2f", f.OfBest), fmt.Sprintf("%.2f", f.OfPorts)
		}
		fmt.Fprintf(&b, "%-36s %-10s %9.2f %10.0f %7.1f %9.2f %9.2f %8d %8s %9s\n", f.Case, w.Way, w.PacketUS, w.PerCore, w.Load, w.Late50MS, w.Late99MS, w.Missing, best, ports)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// plot draws what a packet costs by each way against how many streams leave.
func (r *forwardReport) plot() []byte {
	p := plot.Plot{
		Title: "What a forwarded packet costs", Alone: true, Height: 420,
		About: "Processor time for each packet that leaves, and the floors'. " + r.Machine,
		X:     plot.Axis{Label: "streams that leave", Log: true}, Y: plot.Axis{Label: "µs of a processor per packet"},
	}
	places := map[string]int{}
	for _, f := range r.Cases {
		for _, w := range f.Ways {
			name := string(w.Way) + ", plain"
			if f.Secure {
				name = string(w.Way) + ", GCM"
			}
			at, ok := places[name]
			if !ok {
				at = len(p.Series)
				places[name] = at
				p.Series = append(p.Series, plot.Series{Name: name, Beside: w.Way != forwarding.Forwarder})
			}
			s := &p.Series[at]
			s.X, s.Y = append(s.X, float64(f.Lines())), append(s.Y, w.PacketUS)
		}
	}
	return p.SVG()
}
