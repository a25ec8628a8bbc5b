package listen

import "time"

const (
	windowTime = 10 * time.Second // over which the quickest packet is sought, twice
	maxStray   = 2 * time.Second  // of timestamps from the clock; past it they began anew
	lateTime   = 300 * time.Millisecond
	latePieces = 5 // packets that all come too late, over lateTime: the way has become longer
)

// timeline gives packets their place, in samples since the first, and says what is due. The
// quickest packets of the last twenty seconds stand for the sender's clock, so that a drift
// of either clock is followed.
type timeline struct {
	rate  int
	slack int64 // nanoseconds that a packet may be slower than the quickest, to be of use
	begun bool
	stamp uint32 // RTP, at "at"
	at    int64

	now, past int64 // least of arrival less place, in this window and the one before
	turned    int64 // when this window began

	late      int // packets in a row that were slower
	lateSince int64
}

// place returns where a packet that came from the network belongs.
func (t *timeline) place(stamp uint32, arrival int64) int64 {
	if !t.begun {
		t.begun, t.stamp, t.turned = true, stamp, arrival
		t.now, t.past = arrival, arrival
		return 0
	}
	at := t.of(stamp)
	if slow := arrival - t.base() - span(at, t.rate); t.astray(slow, arrival) {
		at += units(slow, t.rate)
	}
	t.stamp, t.at = stamp, at
	t.learn(arrival-span(at, t.rate), arrival)
	return at
}

// astray tells whether timestamps are to be taken as if there were a pause before them: the
// sender's began anew, or all packets have come too late for a while, because the sender
// stood still or the way has become longer.
func (t *timeline) astray(slow, arrival int64) bool {
	if slow <= t.slack {
		t.late = 0
		return slow < -int64(maxStray)
	}
	if t.late++; t.late == 1 {
		t.lateSince = arrival
	}
	if slow <= int64(maxStray) && (t.late < latePieces || arrival-t.lateSince < int64(lateTime)) {
		return false
	}
	t.late = 0
	return true
}

// of returns the place of a timestamp near that of the last packet.
func (t *timeline) of(stamp uint32) int64 { return t.at + int64(int32(stamp-t.stamp)) }

func (t *timeline) learn(transit, arrival int64) {
	if arrival-t.turned > int64(windowTime) {
		t.past, t.now, t.turned = t.now, transit, arrival
	}
	t.now = min(t.now, transit)
}

func (t *timeline) base() int64 { return min(t.now, t.past) }

// due returns what a listener that lags by buffer has to have played by now.
func (t *timeline) due(now, buffer int64) int64 { return units(now-t.base()-buffer, t.rate) }
