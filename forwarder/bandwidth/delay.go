package bandwidth

import "math"

// Parameters of draft-ietf-rmcat-gcc-02 section 5.5.
const (
	beta        = 0.85              // of what arrived, after overuse
	growth      = 1.08              // a second, far from the last overuse
	firstGrowth = 1.5               // a second, before the first
	frameRate   = 30.0              // of pictures, of which a packet's size is told
	packetBits  = 1200 * 8          // at most
	leastStep   = 4000.0            // bits/s, a second
	responded   = 100 * millisecond // beyond the round trip, until an effect is seen
	forgetting  = 0.05              // of the average of what arrived at overuse
)

// delayControl turns the trend of the delay into a bitrate: it is halted by a signal, cut by
// overuse, and rises otherwise (section 5.5).
type delayControl struct {
	trend
	bitrate float64
	at      int64 // of the last feedback
	cut     int64 // when it was cut last
	hold    bool

	capacity float64 // average of what arrived at overuse; 0 is unknown
	variance float64 // of it, relative to it
}

// feedback moves the bitrate, where acked is what arrived of late, in bits/s, 0 if that is
// unknown, and most is what it may rise to.
func (d *delayControl) feedback(now, roundTrip int64, acked, most float64) {
	passed := float64(min(max(now-d.at, 0), second)) / float64(second)
	if d.at == 0 {
		passed = 0
	}
	d.at = now
	switch d.state {
	case overuse:
		d.decrease(now, roundTrip, acked)
	case underuse: // a queue drains: wait until it has
		d.hold = true
	case normal:
		if d.hold {
			d.hold = false
			return
		}
		d.increase(passed, roundTrip, acked, most)
	}
}

// decrease goes below what arrives, once for what one overuse shows.
func (d *delayControl) decrease(now, roundTrip int64, acked float64) {
	d.hold = true
	if acked == 0 || d.cut > 0 && now-d.cut < min(max(roundTrip, 50*millisecond), 200*millisecond)+responded {
		return
	}
	d.cut = now
	if low, _ := d.bounds(); acked < low {
		d.capacity = 0
	}
	d.learn(acked)
	d.bitrate = min(d.bitrate, beta*acked)
}

// increase is additive near what was the limit, else multiplicative.
func (d *delayControl) increase(passed float64, roundTrip int64, acked, most float64) {
	if _, high := d.bounds(); d.capacity > 0 && acked > high {
		d.capacity = 0
	}
	to := d.bitrate
	switch {
	case d.capacity > 0:
		to += d.step(roundTrip) * passed
	case d.cut == 0:
		to *= math.Pow(firstGrowth, passed)
	default:
		to *= math.Pow(growth, passed)
	}
	d.bitrate = max(d.bitrate, min(to, most))
}

// step is what is added a second near the limit: half a packet per response time.
func (d *delayControl) step(roundTrip int64) float64 {
	frame := d.bitrate / frameRate
	packet := frame / math.Ceil(frame/packetBits)
	response := float64(max(roundTrip, millisecond)+responded) / float64(second)
	return max(packet/2/response, leastStep)
}

// learn averages what arrived at overuse.
func (d *delayControl) learn(acked float64) {
	if d.capacity == 0 {
		d.capacity, d.variance = acked, 0.0004
		return
	}
	off := acked - d.capacity
	d.capacity += forgetting * off
	d.variance = (1-forgetting)*d.variance + forgetting*off*off/(d.capacity*d.capacity)
	d.variance = min(max(d.variance, 0.0004), 0.0025)
}

// bounds are three standard deviations around the capacity.
func (d *delayControl) bounds() (low, high float64) {
	around := 3 * math.Sqrt(d.variance) * d.capacity
	return d.capacity - around, d.capacity + around
}
