//go:build linux

package fleet

import (
	"time"

	"github.com/confd/confd/internal/clock"
)

// Live is how a fleet fares, cheaply told, since Live was called before.
type Live struct {
	Connected      int     // now
	Sent, Received float64 // packets per second
	Lost           int
	Delay50        time.Duration // mouth to ear, of what ears have judged; 0 if nothing
	Delay99        time.Duration
	Late           time.Duration // 99th percentile of how late packets left in the window
	Silent         int           // callers connected, now, that have got no RTP at all
}

// traffic is what was counted since New.
type traffic struct{ sent, received, lost int64 }

// Live returns how the fleet fares since it was called before, by anybody.
func (f *Fleet) Live() Live {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := clock.Now()
	seconds := max(float64(now-f.looked)/1e9, 1e-3)
	var l Live
	var all traffic
	var late lateness
	for _, t := range f.threads {
		t.mu.Lock()
		late.merge(&t.late)
		t.mu.Unlock()
		t.each(func(c *caller) {
			if !c.live {
				return
			}
			l.Connected++
			if c.first.Load() == 0 {
				l.Silent++
			}
		})
		all.add(t)
	}
	l.Sent = float64(all.sent-f.before.sent) / seconds
	l.Received = float64(all.received-f.before.received) / seconds
	l.Lost = int(all.lost - f.before.lost)
	f.before, f.looked = all, now
	l.Late = late.quantile(0.99)
	d := f.recent()
	l.Delay50, l.Delay99 = d.Quantile(0.5), d.Quantile(0.99)
	return l
}

func (a *traffic) add(t *thread) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a.sent += t.sent
	a.received += t.received
	a.lost += t.lost
}

// recent takes the delays that were measured since it was called before.
func (f *Fleet) recent() (all Delays) {
	for _, l := range f.listeners {
		l.mu.Lock()
		all.Add(l.late.counts)
		l.late = delays{}
		l.mu.Unlock()
	}
	return all
}
