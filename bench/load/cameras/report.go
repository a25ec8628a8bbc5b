//go:build linux

package cameras

import (
	"time"

	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/load/sight"
	"github.com/confd/confd/bench/load/video"
	"github.com/confd/confd/internal/clock"
)

// Counts are what one caller, or all, met in a window.
type Counts struct {
	// Of what its camera sends.
	Pictures       int // made
	Sent           int // packets that left, repeated ones among them
	SentBytes      int // of payload, without repeated ones
	Withheld       int // packets that were lost on purpose
	Refused        int // that the kernel did not take
	GivenUp        int // that were not sent, for want of processor time
	Resent         int // repeated because the server asked for them
	NACKsTaken     int
	KeyFramesAsked int // by the server
	Limited        int // times that it was asked for less than it sends

	// Of what it sees.
	Received        int // packets, without repeated ones
	ReceivedBytes   int // of payload
	Lost            int // that did not come, nor were repaired
	Repaired        int // that came again by retransmission
	Duplicated      int
	Malformed       int // no RTP, of another payload type, or too many to be held
	Sources         int // changes of the server's SSRC
	NACKsSent       int
	KeyFramesWanted int // that it asked for
	Due             int // pictures of who was seen
	Whole           int // of these, decodable
	Freezes         int // longer than half a second
	Frozen          time.Duration

	Sights   []sight.Sight // in order of time, since the window began
	Unlogged int           // sights that are not among these
}

// maxSights bounds what is kept of one caller in a window.
const maxSights = 4096

func (c *Counts) log(s sight.Sight) {
	if len(c.Sights) == maxSights {
		c.Unlogged++
		return
	}
	c.Sights = append(c.Sights, s)
}

// Add adds another's counts, without sights.
func (c *Counts) Add(o *Counts) {
	for _, v := range [...]struct {
		to   *int
		from int
	}{
		{&c.Pictures, o.Pictures}, {&c.Sent, o.Sent}, {&c.SentBytes, o.SentBytes}, {&c.Withheld, o.Withheld}, {&c.Refused, o.Refused},
		{&c.GivenUp, o.GivenUp}, {&c.Resent, o.Resent}, {&c.NACKsTaken, o.NACKsTaken}, {&c.KeyFramesAsked, o.KeyFramesAsked},
		{&c.Limited, o.Limited}, {&c.Received, o.Received}, {&c.ReceivedBytes, o.ReceivedBytes}, {&c.Lost, o.Lost},
		{&c.Repaired, o.Repaired}, {&c.Duplicated, o.Duplicated}, {&c.Malformed, o.Malformed}, {&c.Sources, o.Sources},
		{&c.NACKsSent, o.NACKsSent}, {&c.KeyFramesWanted, o.KeyFramesWanted}, {&c.Due, o.Due}, {&c.Whole, o.Whole},
		{&c.Freezes, o.Freezes}, {&c.Unlogged, o.Unlogged},
	} {
		*v.to += v.from
	}
	c.Frozen += o.Frozen
}

// Caller is what one caller met in a window.
type Caller struct {
	Connected bool // now
	Camera    bool
	Counts
	Watch video.Counts // what its watch found
}

// Report is what a crew met in a window.
type Report struct {
	From, To int64          // by clock.Now
	Callers  []Caller       // all of them, by their number
	Delays   []fleet.Delays // of pictures by room: from when its last packet was to leave to its arrival
	Late     time.Duration  // 99th percentile of how late threads were
}

// Begin opens a window: what was counted before is forgotten.
func (w *Crew) Begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := clock.Now()
	w.began, w.before = now, traffic{}
	for _, t := range w.threads {
		t.begin(now)
	}
}

func (t *thread) begin(now int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.late)
	for _, d := range t.delays {
		clear(d)
	}
	for _, c := range t.callers {
		c.counts = Counts{Sights: []sight.Sight{{At: now, Sender: c.eye.sees}}}
		c.eye.watch.Counts = video.Counts{}
	}
}

// Report returns what was met since Begin, or since New.
func (w *Crew) Report() *Report {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := &Report{From: w.began, To: clock.Now(), Callers: make([]Caller, len(w.callers)), Delays: make([]fleet.Delays, w.config.Rooms)}
	var late fleet.Delays
	for _, t := range w.threads {
		t.report(r)
		t.mu.Lock()
		late.Add(t.late)
		t.mu.Unlock()
	}
	r.Late = late.Quantile(0.99)
	return r
}

func (t *thread) report(r *Report) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, d := range t.delays {
		r.Delays[i].Add(d)
	}
	for _, c := range t.callers {
		r.Callers[c.number] = c.told(r)
	}
}

// told returns what a caller met, with the time for which its picture stands still now.
func (c *caller) told(r *Report) Caller {
	one := Caller{Connected: c.live, Camera: c.camera != nil, Counts: c.counts, Watch: c.eye.watch.Counts}
	one.Sights = append([]sight.Sight(nil), c.counts.Sights...)
	if gap := r.To - max(c.eye.pictured, r.From); c.live && c.eye.pictured != 0 && gap > frozen {
		one.Freezes++
		one.Frozen += time.Duration(gap)
	}
	one.Frozen = min(one.Frozen, time.Duration(r.To-r.From))
	return one
}

// Live is how a crew fares, cheaply told, since Live was called before.
type Live struct {
	Looking     int     // callers connected, now
	Blind       int     // of these, to whom no picture has come
	Pictures    float64 // seen per second
	SentBPS     float64 // of payload, bits per second
	ReceivedBPS float64
	Undecodable int
}

// traffic is what was counted since Begin.
type traffic struct{ sentBytes, receivedBytes, whole, bad int }

// Live returns how the crew fares since it was called before, by anybody, or Begin was.
func (w *Crew) Live() (l Live) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := clock.Now()
	seconds := max(float64(now-max(w.looked, w.began))/1e9, 1e-3)
	var all traffic
	for _, t := range w.threads {
		t.look(&l, &all)
	}
	b := &w.before
	l.SentBPS, l.ReceivedBPS = 8*float64(all.sentBytes-b.sentBytes)/seconds, 8*float64(all.receivedBytes-b.receivedBytes)/seconds
	l.Pictures, l.Undecodable = float64(all.whole-b.whole)/seconds, all.bad-b.bad
	w.before, w.looked = all, now
	return l
}

func (t *thread) look(l *Live, all *traffic) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.callers {
		if !c.live {
			continue
		}
		l.Looking++
		if c.eye.pictured == 0 {
			l.Blind++
		}
		n := &c.counts
		all.sentBytes += n.SentBytes
		all.receivedBytes += n.ReceivedBytes
		all.whole += n.Whole
		all.bad += int(c.eye.watch.Undecodable)
	}
}
