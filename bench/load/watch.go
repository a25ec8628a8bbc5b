//go:build linux

package load

import (
	"context"
	"sync"
	"time"

	"github.com/confd/confd/bench/load/cameras"
	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/load/machine"
	"github.com/confd/confd/bench/load/report"
)

// Watch is told how a run goes on, about once a second; nil is nobody. It is called by one
// goroutine at a time.
type Watch func(Progress)

// Progress is how a run goes on.
type Progress struct {
	Stage   string // what it does now
	Elapsed time.Duration
	Notes   []string // since it was told before

	Callers, Tried, Answered, Running, Failed int
	Live                                      fleet.Live
	Video                                     *cameras.Live // nil without video
	LossPercent                               float64       // of the last second
	ServerCPU                                 float64       // percent of a core, since it was told before; 0 if nobody looks
	ServerRSS                                 int64         // bytes
}

// pulse is how often a run is looked at.
const pulse = time.Second

// watcher looks at a run all the time, for the timeline and for who watches.
type watcher struct {
	run  *run
	tell Watch

	mu       sync.Mutex // of what follows, and of who looks at the server
	doing    string
	notes    []string // all of them, of which so many were told
	told     int
	timeline []report.Moment // belongs to run; others read it after that
	last     machine.Sample
}

func (w *watcher) stage(doing string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.doing = doing
}

// note tells something that is not a figure.
func (w *watcher) note(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notes = append(w.notes, text)
}

// news returns the notes since it was called before.
func (w *watcher) news() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	news := w.notes[w.told:]
	w.told = len(w.notes)
	return news
}

// sample looks at the server, which one at a time may.
func (w *watcher) sample(ctx context.Context) (machine.Sample, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.run.o.Server.Sample(ctx)
}

// loop looks until ctx ends, and once more.
func (w *watcher) loop(ctx context.Context) {
	w.last = w.run.idle
	ticks := time.NewTicker(pulse)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			w.look(ctx)
		case <-ctx.Done():
			w.look(context.WithoutCancel(ctx))
			return
		}
	}
}

func (w *watcher) look(ctx context.Context) {
	r := w.run
	p := Progress{Elapsed: time.Since(r.began), Callers: r.o.Callers, Live: r.fleet.Live()}
	if r.crew != nil {
		p.Video = new(r.crew.Live())
	}
	r.ledger.progress(&p)
	if come := p.Live.Received * pulse.Seconds(); come > 0 {
		p.LossPercent = max(0, 100*float64(p.Live.Lost)/(come+float64(p.Live.Lost)))
	}
	w.lookAtServer(ctx, &p)
	p.Notes = w.news()
	w.mu.Lock()
	p.Stage = w.doing
	w.mu.Unlock()
	w.timeline = append(w.timeline, p.moment())
	if w.tell != nil {
		w.tell(p)
	}
}

// lookAtServer fills in what the server spends. One that cannot be looked at just now leaves
// a hole in the timeline; the window's own samples tell why.
func (w *watcher) lookAtServer(ctx context.Context, p *Progress) {
	if w.run.o.Server == nil {
		return
	}
	now, err := w.sample(ctx)
	if err != nil {
		return
	}
	if d := now.At.Sub(w.last.At); d > 0 {
		p.ServerCPU = 100 * float64(now.CPU-w.last.CPU) / float64(d)
	}
	p.ServerRSS, w.last = now.RSS, now
}

func (p *Progress) moment() report.Moment {
	m := report.Moment{AtSeconds: p.Elapsed.Seconds(), Callers: p.Live.Connected, LossPercent: p.LossPercent,
		DelayP50MS: ms(p.Live.Delay50), DelayP99MS: ms(p.Live.Delay99), LateP99MS: ms(p.Live.Late),
		ServerCPUPercent: p.ServerCPU, ServerRSSBytes: p.ServerRSS}
	if p.Video != nil {
		m.VideoSentBPS, m.VideoReceivedBPS = p.Video.SentBPS, p.Video.ReceivedBPS
	}
	return m
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }
