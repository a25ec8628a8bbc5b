package focus

import (
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/internal/clock"
)

// watch looks at all calls now and then for those of which nothing was heard for
// Config.Silence, neither RTP nor RTCP nor SIP. A muted phone is not dead: it is asked. The
// rooms learn whose media alone is silent.
func (a *Agent) watch() {
	every := time.NewTicker(max(a.cfg.Silence/6, 10*time.Millisecond))
	defer every.Stop()
	for {
		select {
		case <-every.C:
			a.probeSilent(clock.Now())
		case <-a.ctx.Done():
			return
		}
	}
}

// probeSilent starts a probe of each call that has been silent for too long.
func (a *Agent) probeSilent(now int64) {
	for _, d := range a.dialogs.all() {
		if now-d.look(now) < int64(a.cfg.Silence) || !d.probing.CompareAndSwap(false, true) {
			continue
		}
		if !a.spawn(func() { defer d.probing.Store(false); d.probe() }) {
			return
		}
	}
}

// look watches the media and returns when the peer last gave a sign of life, monotonic ns.
// If the dialog is busy, that is now.
func (d *dialog) look(now int64) int64 {
	last := d.heard.Load()
	if !d.mu.TryLock() {
		return now
	}
	defer d.mu.Unlock()
	if d.call != nil {
		last = max(last, d.call.lastHeard())
		d.call.watchMedia(now, d.agent.cfg.Silence)
	}
	return last
}

// probe asks the peer with OPTIONS whether its call stands. Any final response but 481 and
// 408 says so.
func (d *dialog) probe() {
	d.mu.Lock()
	if d.state != stateConfirmed {
		d.mu.Unlock()
		return
	}
	req := d.request(sip.OPTIONS, sip.NewHeader("Accept", typeSDP))
	d.mu.Unlock()
	res, err := d.transact(req, nil)
	if err != nil && d.agent.ctx.Err() == nil || isGone(res, err) {
		d.unreachable("probe")
	}
}
