package listen

import "time"

const (
	windowTime = 10 * time.Second // over which the quickest packet is sought, twice
	maxStray   = 2 * time.Second  // of timestamps from the clock; past it they began anew
)

// timeline gives packets their place, in samples since the first, and says what is due. The
// quickest packets of the last twenty seconds stand for the sender's clock, so that a drift
// of either clock is followed.
type timeline struct {
	rate  int
	begun bool
	stamp uint32 // RTP, at "at"
	at    int64

	now, past int64 // least of arrival less place, in this window and the one before
	turned    int64 // when this window began
}

// place returns where a packet that came from the network belongs.
func (t *timeline) place(stamp uint32, arrival int64) int64 {
	if !t.begun {
		t.begun, t.stamp, t.turned = true, stamp, arrival
		t.now, t.past = arrival, arrival
		return 0
	}
	at := t.of(stamp)
	if stray := units(arrival-t.base(), t.rate) - at; stray > units(int64(maxStray), t.rate) || stray < -units(int64(maxStray), t.rate) {
		at += stray
	}
	t.stamp, t.at = stamp, at
	t.learn(arrival-span(at, t.rate), arrival)
	return at
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
