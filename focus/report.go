package focus

import (
	"time"

	"github.com/confd/confd/multicast"
	"github.com/confd/confd/rooms"
)

// reportSize is about what a listener's report takes, bits, IP and UDP headers included.
const reportSize = 8 * 100

// reportWatch waits for a listener's first report to the group. The dialog's mutex guards it.
type reportWatch struct {
	timer *time.Timer
	first *multicast.Expectation
}

func (w *reportWatch) stop() {
	if w.timer != nil {
		w.timer.Stop()
		w.first.Close()
		w.timer = nil
	}
}

// expectReport brings the peer back from the group if nothing shows, in time, that the group
// reaches it. Nobody knows the SSRC of its reports, so they are told by the addresses that it
// signals from and had its own stream at. d.mu is held.
func (d *dialog) expectReport() {
	w := &d.call.reports
	if w.timer != nil || d.agent.cfg.ReportTimeout <= 0 {
		return
	}
	g := d.call.group
	w.first = g.Expect(d.source.Addr(), d.call.unicast)
	timers := make(chan *time.Timer, 1)
	wait := reportTime(d.agent.cfg.ReportTimeout, g.Audience().Estimate, g.described.ReportBandwidth())
	w.timer = time.AfterFunc(wait, func() {
		d.agent.onTimer(func() { d.missReport(<-timers) })
	})
	timers <- w.timer
}

// reportTime is how long to wait: at least as configured, and three times as long as the
// members of a large audience take turns, by RFC 3550 section 6.2. Rate is what all reports may
// take, bits per second; 0 is not known.
func reportTime(least time.Duration, audience, rate int) time.Duration {
	if rate <= 0 {
		return least
	}
	return max(least, time.Duration(3*audience*reportSize*1000/rate)*time.Millisecond)
}

// missReport runs when the time for the first report is over.
func (d *dialog) missReport(timer *time.Timer) {
	part := d.unheardOf(timer)
	if part == nil {
		return
	}
	d.agent.count.groupUnreported.Add(1)
	d.log.Info("no report from a listener of the group: it is served by unicast")
	if err := d.setDelivery(part, rooms.DeliverUnicast); err != nil {
		d.log.Info("a listener cannot be brought back from the group", "error", err)
		return
	}
	part.Speak() // as it could before
}

// unheardOf returns the participant if it listens to the group and no report has come since it
// began to; else nil.
func (d *dialog) unheardOf(timer *time.Timer) *rooms.Participant {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.call
	if c == nil || c.reports.timer != timer {
		return nil
	}
	met := c.reports.first.Met()
	c.reports.first.Close()
	if met || !c.listens() {
		return nil
	}
	return c.part
}
