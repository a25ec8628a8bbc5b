package bandwidth

import (
	"math"
	"time"

	"github.com/confd/confd/transport/feedback"
)

// What a Config's zeros stand for, bits/s.
const (
	DefaultFloor   = 50_000
	DefaultCeiling = 50_000_000
	DefaultStart   = 1_000_000
)

const (
	headroom     = 1.5     // times what was sent, that the estimate may rise to
	headroomBase = 100_000 // bits/s more
	rembTime     = 10 * second
	rise         = 1.5 // times what it was, that the estimate may become within a second
	silence      = 2 * second
	lossSpan     = second
	leastCounted = 20                 // packets that a share of loss is computed of
	leastBytes   = leastCounted * 500 // the same where reports tell of it, which count none
)

// Config bounds an Estimator, in bits/s of datagrams without UDP and IP headers. Zero values
// are the defaults; a ceiling below the floor is the floor.
type Config struct {
	Floor, Ceiling uint64
	Start          uint64 // estimate before there is any feedback
}

// Reason says what keeps an estimate from being higher.
type Reason uint8

// Reasons of an estimate.
const (
	Starting Reason = iota // no feedback yet
	Ceiling                // Config.Ceiling, SetCeiling or TMMBR
	Receiver               // REMB
	Loss                   // receiver reports, or what transport-cc says did not arrive
	Delay                  // transport-cc
	Sent                   // too little was sent to know of more
	Rising                 // it has only just become higher
)

var reasons = [...]string{"starting", "ceiling", "receiver", "loss", "delay", "sent", "rising"}

// String returns one word for stats.
func (r Reason) String() string {
	if int(r) < len(reasons) {
		return reasons[r]
	}
	return "unknown"
}

// Estimator estimates what can be sent to one subscriber. One worker owns it.
type Estimator struct {
	floor, ceiling float64
	asked, wanted  float64 // by SetCeiling and TMMBR; 0 none

	sent, acked meter
	delay       delayControl
	loss        lossControl
	remb        float64 // 0 none
	rembAt      int64
	roundTrip   int64

	newest  uint16 // transport-wide number that was taken last
	known   bool   // newest is valid
	counted int    // packets that transport-cc told of since lossAt
	missing int    // of them, those that did not arrive
	lossAt  int64

	untold  float64 // bytes that went out since the last report
	weighed float64 // bytes that reports told of since a share was computed
	lost    float64 // of them, those that did not arrive

	estimate float64
	at       int64
	reason   Reason
	stats    Stats
}

// Stats count what an Estimator was told.
type Stats struct {
	Reports, REMBs, TMMBRs, Feedbacks uint64
	Stale                             uint64 // packets that transport-cc told of too late, or again
	Overuses                          uint64 // times that the delay showed congestion
}

// New makes an Estimator.
func New(c Config) *Estimator {
	e := &Estimator{
		floor: float64(or(c.Floor, DefaultFloor)), ceiling: float64(or(c.Ceiling, DefaultCeiling)),
		sent: meter{window: buckets - 1}, acked: meter{window: 10},
	}
	e.ceiling = max(e.ceiling, e.floor)
	e.estimate = e.clamp(float64(or(c.Start, DefaultStart)))
	e.delay.bitrate, e.loss.bitrate = e.estimate, e.estimate
	e.delay.reset()
	return e
}

func or(a, b uint64) uint64 {
	if a == 0 {
		return b
	}
	return a
}

func (e *Estimator) clamp(bits float64) float64 { return min(max(bits, e.floor), e.top()) }

// top is the lowest ceiling.
func (e *Estimator) top() float64 {
	top := e.ceiling
	if e.asked > 0 {
		top = min(top, e.asked)
	}
	if e.wanted > 0 {
		top = min(top, e.wanted)
	}
	return max(top, e.floor)
}

// Estimate returns what can be sent, in bits/s, between floor and ceiling.
func (e *Estimator) Estimate() uint64 { return uint64(e.estimate) }

// Reason says what bounds the estimate.
func (e *Estimator) Reason() Reason { return e.reason }

// Stats returns what the Estimator was told.
func (e *Estimator) Stats() Stats { return e.stats }

// RoundTrip returns the last that a report told, 0 if none did.
func (e *Estimator) RoundTrip() time.Duration { return time.Duration(e.roundTrip) }

// SetCeiling takes what is to be sent at most, as by b=TIAS (RFC 3890) or a setting, in bits/s;
// 0 takes it back.
func (e *Estimator) SetCeiling(now int64, bits uint64) {
	e.asked = float64(bits)
	e.update(now)
}

// TMMBR takes what the peer asks for at most (RFC 5104 section 4.2.1); it stays until it asks
// anew. 0 is the floor.
func (e *Estimator) TMMBR(now int64, bits uint64) {
	e.stats.TMMBRs++
	e.wanted = max(float64(bits), e.floor)
	e.update(now)
}

// REMB takes the receiver's estimate. It holds for 10 s; receivers repeat it every second.
// 0 is the floor.
func (e *Estimator) REMB(now int64, bits uint64) {
	e.stats.REMBs++
	e.remb, e.rembAt = max(float64(bits), e.floor), now
	e.update(now)
}

// Sent takes how many bytes went out: RTP packets, retransmissions, without UDP and IP.
func (e *Estimator) Sent(now int64, bytes int) {
	e.sent.add(now, bytes)
	e.untold += float64(bytes)
}

// Report takes what a receiver report says about our stream: the share lost since the one
// before, of 256, and the round trip, 0 if unknown.
func (e *Estimator) Report(now int64, fraction uint8, roundTrip time.Duration) {
	e.stats.Reports++
	trip := int64(roundTrip)
	if trip <= 0 || trip > maxTrip {
		trip = 0
	} else {
		e.roundTrip = trip
	}
	if share, enough := e.weigh(float64(fraction) / 256); enough && !e.follows(now) {
		e.loss.report(now, share, trip, e.sent.rate(now), e.most(now))
	}
	e.update(now)
}

// weigh takes the share that was lost of what was sent since the last report, and returns that
// of all that was sent since it did; enough is false where that is too little to tell.
func (e *Estimator) weigh(share float64) (of float64, enough bool) {
	e.weighed += e.untold
	e.lost += share * e.untold
	e.untold = 0
	if e.lost > 0 && e.weighed < leastBytes {
		return 0, false
	}
	if e.weighed > 0 {
		share = e.lost / e.weighed
	}
	e.weighed, e.lost = 0, 0
	return share, true
}

// follows tells whether transport-cc comes, so that it is the better source.
func (e *Estimator) follows(now int64) bool { return e.delay.at > 0 && now-e.delay.at < silence }

// most is what the estimate may rise to by what was sent.
func (e *Estimator) most(now int64) float64 {
	return min(headroom*e.sent.rate(now)+headroomBase, e.ceiling)
}

// TransportCC takes what became of packets, in the order of their numbers. Those told of before
// are passed over, and so are those that the sender no longer remembers (SentAt 0). Size and
// SentAt are the sender's own and are trusted.
func (e *Estimator) TransportCC(now int64, list []feedback.Arrival) {
	e.stats.Feedbacks++
	if e.delay.at > 0 && now-e.delay.at >= silence {
		e.delay.reset()
		e.acked.empty()
		e.known = false
	}
	for i := range list {
		e.packet(now, &list[i])
	}
	e.share(now)
	before := e.delay.cut
	e.delay.feedback(now, e.roundTrip, e.acked.rate(now), e.most(now))
	if e.delay.cut != before {
		e.stats.Overuses++
	}
	e.update(now)
}

// packet takes one that transport-cc tells of.
func (e *Estimator) packet(now int64, a *feedback.Arrival) {
	if a.SentAt == 0 {
		return
	}
	if e.known && int16(a.Sequence-e.newest) <= 0 {
		e.stats.Stale++
		return
	}
	e.newest, e.known = a.Sequence, true
	e.counted++
	if !a.Arrived {
		e.missing++
		return
	}
	e.acked.add(now, a.Size)
	e.delay.packet(a.SentAt, a.At)
}

// share hands the share of packets that did not arrive to the loss-based controller, every
// second.
func (e *Estimator) share(now int64) {
	if e.lossAt == 0 {
		e.lossAt = now
	}
	if now-e.lossAt < lossSpan || e.counted < leastCounted {
		return
	}
	share := float64(e.missing) / float64(e.counted)
	e.counted, e.missing, e.lossAt = 0, 0, now
	e.loss.report(now, share, 0, e.sent.rate(now), e.most(now))
}

// update computes the estimate: the smallest of all bounds, unless that is too steep a rise.
func (e *Estimator) update(now int64) {
	e.loss.bitrate = min(max(e.loss.bitrate, e.floor), e.ceiling)
	e.delay.bitrate = min(max(e.delay.bitrate, e.floor), e.ceiling)
	to, why := e.loss.bitrate, Loss
	if e.follows(now) && e.delay.bitrate < to {
		to, why = e.delay.bitrate, Delay
	}
	switch {
	case e.loss.at == 0 && e.delay.at == 0:
		why = Starting
	case to >= e.most(now):
		why = Sent
	}
	if e.remb > 0 && now-e.rembAt < rembTime && e.remb < to {
		to, why = e.remb, Receiver
	}
	if top := e.top(); top <= to {
		to, why = top, Ceiling
	}
	passed := float64(min(max(now-e.at, 0), second)) / float64(second)
	if e.at == 0 {
		passed = 0
	}
	e.at = now
	if most := e.estimate * math.Pow(rise, passed); to > most && why != Ceiling {
		to, why = most, Rising
	}
	e.estimate, e.reason = e.clamp(to), why
}
