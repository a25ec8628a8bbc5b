//go:build linux

package load

import (
	"context"
	"fmt"

	"github.com/confd/confd/bench/load/report"
)

// Bounds of a ramp for which none were asked: what people would call a bad line.
const (
	rampMaxLoss  = 1   // percent
	rampMaxDelay = 150 // ms, of the 99th percentile; ITU-T G.114 is content with that one way
)

// ramp raises the callers step by step until a bound is broken.
func (r *run) ramp(ctx context.Context) *report.Report {
	return climb(ctx, &r.o, r.watch.note, func(from, to int) *report.Report { return r.step(ctx, from, to) })
}

// climb has step add callers until a bound of o is broken, or ctx ends. Its report is that of
// the last step within all bounds, or of the first if that was not.
func climb(ctx context.Context, o *Options, note func(string), step func(from, to int) *report.Report) *report.Report {
	var best *report.Report
	ramp := &report.Ramp{Steps: []report.Step{}}
	for at := 0; at < o.Callers && (best == nil || ctx.Err() == nil); {
		to := min(at+o.Ramp, o.Callers)
		result := step(at, to)
		result.Verdict = o.Bounds.Judge(result)
		ramp.Steps = append(ramp.Steps, stepOf(result, to))
		if result.Verdict.Passed || best == nil {
			best = result
		}
		if !result.Verdict.Passed {
			ramp.Bound = result.Verdict.Broken[0].Bound
			break
		}
		ramp.Capacity, at = to, to
		note(fmt.Sprintf("%d callers are borne", to))
	}
	best.Ramp = ramp
	return best
}

func stepOf(r *report.Report, callers int) report.Step {
	s := report.Step{Callers: callers, HeldSeconds: r.Options.ForSeconds, LossPercent: r.Total.Media.LossPercent,
		DelayP50MS: r.Total.DelayMS.P50, DelayP99MS: r.Total.DelayMS.P99, LateP99MS: r.Load.LateP99MS, Broken: r.Verdict.Names()}
	if r.Total.MOS != nil {
		s.MinMOS = r.Total.MOS.Min
	}
	if r.Server != nil {
		s.ServerCPUPercent, s.ServerRSSBytes = r.Server.CPUPercent, r.Server.RSSBytes
	}
	return s
}
