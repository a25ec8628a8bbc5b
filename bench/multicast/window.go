//go:build linux

package multicast

import (
	"math"
	"slices"
	"time"

	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/internal/netlab"
)

// parts are the slices of a window, of whose processor time the middle one counts.
const parts = 10

// medianError leads from the distance of the quartiles to the standard error of the median
// of so many values.
var medianError = 1.253 / 1.349 / math.Sqrt(parts)

// window is what had been counted when it began, and the slices since.
type window struct {
	run             *runner
	bandwidth       float64 // of the group; 0: there is none
	began           time.Time
	sent            netlab.Traffic
	in, out         netlab.Traffic // RTCP
	at              time.Time
	cpu, other      time.Duration // of the server and the reference
	percents, ratio []float64
}

func (run *runner) begin(bandwidth float64) (w *window, err error) {
	w = &window{run: run, bandwidth: bandwidth}
	if err = w.slice(); err != nil {
		return nil, err
	}
	w.percents, w.ratio = nil, nil // there was nothing before
	if bandwidth > 0 {
		if w.in, w.out, err = run.server.host.Metered(); err != nil {
			return nil, err
		}
	}
	_, w.sent, err = run.server.host.Counters()
	w.began = time.Now()
	return w, err
}

// slice ends one and begins the next.
func (w *window) slice() error {
	cpu, err := measure.CPU(w.run.server.command.Process.Pid)
	if err != nil {
		return err
	}
	other, err := measure.CPU(w.run.reference.command.Process.Pid)
	now := time.Now()
	w.percents = append(w.percents, 100*(cpu-w.cpu).Seconds()/now.Sub(w.at).Seconds())
	w.ratio = append(w.ratio, float64(cpu-w.cpu)/float64(other-w.other))
	w.cpu, w.other, w.at = cpu, other, now
	return err
}

// end counts up.
func (w *window) end(s *Side) error {
	h := w.run.server.host
	_, sent, err := h.Counters()
	seconds := time.Since(w.began).Seconds()
	if err != nil {
		return err
	}
	s.Megabits, s.Packets = 8*float64(sent.Bytes-w.sent.Bytes)/seconds/1e6, float64(sent.Packets-w.sent.Packets)/seconds
	s.CPU, s.Ratio = measure.Median(w.percents), measure.Median(w.ratio)
	s.Noise = 100 * medianError * (measure.Quantile(w.ratio, 0.75) - measure.Quantile(w.ratio, 0.25)) / s.Ratio
	if w.bandwidth == 0 {
		return nil
	}
	in, out, err := h.Metered()
	s.BitsIn, s.BitsOut = 8*float64(in.Bytes-w.in.Bytes)/seconds, 8*float64(out.Bytes-w.out.Bytes)/seconds
	s.Feedback = 100 * (s.BitsIn + s.BitsOut) / w.bandwidth
	return err
}

// hear sums up how well an audience heard.
func (s *Side) hear(all []quality) {
	var jitter []float64
	for _, q := range all {
		if q.received == 0 {
			s.Deaf++
			continue
		}
		s.Loss = max(s.Loss, 100*q.lost)
		s.LossMean += 100 * q.lost / float64(len(all))
		jitter = append(jitter, q.jitter)
	}
	if len(jitter) > 0 {
		s.Jitter, s.JitterX = round(measure.Median(jitter)), round(slices.Max(jitter))
	}
}

func round(ms float64) float64 { return math.Round(ms*1000) / 1000 }
