package bandwidth

import "math"

// Parameters of draft-ietf-rmcat-gcc-02 section 6, and of the round trip that is read as a
// queue, where it is all that is known of delay.
const (
	littleLoss = 0.02 // below, it rises
	muchLoss   = 0.10 // above, it is cut by half the share that was lost
	mostLoss   = 0.30 // above, to what arrived: such loss has but one cause
	lossGrowth = 1.08 // a second
	longestRun = 1.0  // seconds that a report lets it rise for at most, since its effect shows in the next

	someQueue = 25 * millisecond  // with more than little loss: congestion
	fullQueue = 150 * millisecond // congestion without any, if it lasts:
	fullFor   = 800 * millisecond // a processor that is late, here or there, delays one report
	risingAt  = 50 * millisecond  // no growth above
	leastTime = 15 * second       // the least round trip is that of one to two of these
	maxTrip   = 10 * second       // what is longer is no round trip

	seenAfter = 1200 * millisecond // until the report whose time a cut is wholly in

	lookAfter = 4 * second // of loss
	lookTime  = 4 * second
	lookAgain = 30 * second
)

// lossControl turns reports of loss into a bitrate (section 6).
type lossControl struct {
	bitrate float64
	at      int64
	cut     int64 // when it was cut last
	least   least
	full    int64 // since when round trips have shown a full queue, 0 if the last did not

	lossy  int64   // since when there has been more than little loss, 0 if there is not
	looked int64   // when the last look began
	before float64 // bitrate then, while it lasts
}

// report takes the share that was lost, the round trip (0 unknown) and what was sent meanwhile,
// and may raise the bitrate up to most.
func (l *lossControl) report(now int64, share float64, roundTrip int64, sent, most float64) {
	passed := min(float64(max(now-l.at, 0))/float64(second), longestRun)
	if l.at == 0 {
		passed = 0
	}
	l.at = now
	queue := l.queue(now, roundTrip)
	switch {
	case queue <= fullQueue:
		l.full = 0
	case l.full == 0:
		l.full = now
	}
	switch {
	case share > mostLoss:
		l.decrease(now, roundTrip, sent*(1-share))
	case share > muchLoss:
		l.decrease(now, roundTrip, min(l.bitrate, sent)*(1-0.5*share))
	case share > littleLoss && queue > someQueue, l.full > 0 && now-l.full >= fullFor:
		l.decrease(now, roundTrip, beta*sent*(1-share))
	case share <= littleLoss && queue <= risingAt:
		step := lossGrowth
		if l.cut == 0 {
			step = firstGrowth
		}
		l.bitrate = max(l.bitrate, min(l.bitrate*math.Pow(step, passed), most))
	}
	l.look(now, share, sent)
}

// look finds out where lasting loss comes from, if neither delay nor round trip show a queue,
// because it has always been full: it sends less for a while. If the loss stays, it is the
// path's own, and less helps nobody.
func (l *lossControl) look(now int64, share, sent float64) {
	switch {
	case share <= littleLoss:
		l.lossy = 0
	case l.lossy == 0:
		l.lossy = now
	}
	switch {
	case l.before > 0:
		if now-l.looked >= lookTime {
			if l.lossy > 0 && l.lossy <= l.looked {
				l.bitrate = max(l.bitrate, l.before)
			}
			l.before = 0
		}
	case l.lossy > 0 && now-l.lossy >= lookAfter && (l.looked == 0 || now-l.looked >= lookAgain):
		l.looked, l.before, l.cut = now, l.bitrate, now
		l.bitrate = min(l.bitrate, beta*sent*(1-share))
	}
}

// decrease cuts once for what one state of the path shows.
func (l *lossControl) decrease(now, roundTrip int64, to float64) {
	if l.cut > 0 && now-l.cut < seenAfter+roundTrip || to <= 0 {
		return
	}
	l.cut = now
	l.bitrate = min(l.bitrate, to)
}

// queue returns by how much the round trip is above the least of late; 0 if it is unknown.
func (l *lossControl) queue(now, roundTrip int64) int64 {
	if roundTrip <= 0 {
		return 0
	}
	return roundTrip - l.least.of(now, roundTrip)
}

// least is the smallest value of the last one to two spans of leastTime.
type least struct {
	now, before int64
	since       int64
}

func (l *least) of(at, value int64) int64 {
	switch {
	case l.now == 0 || at-l.since >= 2*leastTime:
		*l = least{value, value, at}
	case at-l.since >= leastTime:
		*l = least{value, l.now, at}
	}
	l.now = min(l.now, value)
	return min(l.now, l.before)
}
