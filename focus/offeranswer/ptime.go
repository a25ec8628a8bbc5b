package offeranswer

import (
	"strconv"
	"time"

	"github.com/confd/confd/media"
)

// packetTimes are the egress packet times that the mixer makes, falling. Opus has no frame
// of 30 ms (RFC 6716 section 2.1.4).
var packetTimes = []time.Duration{
	60 * time.Millisecond, 40 * time.Millisecond, 30 * time.Millisecond,
	20 * time.Millisecond, 10 * time.Millisecond,
}

// packetWish is what a peer says about packet times; 0 is nothing said.
type packetWish struct {
	least, usual, most time.Duration
}

// packetWish reads a=ptime and a=maxptime, and for Opus the parameters of the same names
// where the attributes are missing, and minptime.
func (m *section) packetWish(p payload) packetWish {
	w := packetWish{usual: m.milliseconds("ptime"), most: m.milliseconds("maxptime")}
	if !p.is("opus") {
		return w
	}
	w.least = p.milliseconds("minptime")
	if w.usual == 0 {
		w.usual = p.milliseconds("ptime")
	}
	if w.most == 0 {
		w.most = p.milliseconds("maxptime")
	}
	return w
}

func (m *section) milliseconds(name string) time.Duration {
	a, _ := m.attr(name)
	return parseMilliseconds(a.value)
}

func (p payload) milliseconds(name string) time.Duration {
	value, _ := p.param(name)
	return parseMilliseconds(value)
}

// parseMilliseconds reads 20 or 2.5; what it cannot read is as good as not said.
func parseMilliseconds(s string) time.Duration {
	ms, err := strconv.ParseFloat(s, 64)
	if err != nil || !(ms > 0 && ms < 10000) {
		return 0
	}
	return time.Duration(ms * float64(time.Millisecond))
}

// packetTime chooses an egress packet time for f: the longest we make that is not longer
// than the peer asked for, nor than it, we or the packet size allow. A peer that allows
// less than 10 ms gets 10 ms. The result is 0 if no packet of f would fit.
func (c *Capabilities) packetTime(f media.Format, w packetWish) time.Duration {
	target := w.usual
	if target == 0 {
		target = defaultPacketTime
	}
	target = max(target, w.least)
	if w.most > 0 {
		target = min(target, w.most)
	}
	if c.MaxPacketTime > 0 {
		target = min(target, c.MaxPacketTime)
	}
	shortest := time.Duration(0)
	for _, t := range packetTimes {
		if !fits(f, t) {
			continue
		}
		if t <= target {
			return t
		}
		shortest = t
	}
	return shortest
}

// fits tells whether t of f can be one packet.
func fits(f media.Format, t time.Duration) bool {
	switch f.Codec {
	case media.Opus:
		return t != 30*time.Millisecond
	case media.L16:
		return 2*f.Channels*f.Samples(t) <= maxPayload
	}
	return true
}
