package signal

// earClock puts the positions of the sound that is heard, in samples, on the clock of
// arrivals.
type earClock struct {
	late    float64 // samples by which filters and codecs delay the sound
	base    float64 // arrival of sample 0 as the packets lately say that came earliest, ns
	begun   bool
	astray  int // packets in a row far off
	packets [256]packet
	next    int
}

type packet struct {
	sample  int64 // first
	arrival int64
}

const (
	sampleTime = 1e9 / earRate
	farOff     = 300e6 // ns
	maxAstray  = 5
)

// packet notes an arrival. It reports that the stream began, or begins anew: that it stood
// still, or its clock leapt.
func (c *earClock) packet(sample, arrival int64) (anew bool) {
	c.packets[c.next%len(c.packets)] = packet{sample, arrival}
	c.next++
	base := float64(arrival) - float64(sample)*sampleTime
	off := base - c.base
	switch {
	case !c.begun:
		anew = true
	case off < -farOff || off > farOff:
		c.astray++
		anew = c.astray >= maxAstray
		if !anew {
			return false
		}
	case off < 0:
		base = c.base + off/4
	default:
		base = c.base + off/256
	}
	c.astray, c.begun, c.base = 0, true, base
	return anew
}

// at returns when the sound at a position was there, smoothly.
func (c *earClock) at(sample float64) int64 { return int64(c.base + (sample-c.late)*sampleTime) }

// sample returns the position of the sound of a time.
func (c *earClock) sample(at int64) float64 { return (float64(at)-c.base)/sampleTime + c.late }

// arrived returns when the sound at a position was there, by its own packet.
func (c *earClock) arrived(sample float64) (at int64, ok bool) {
	for i := c.next - 1; i >= 0 && i > c.next-len(c.packets); i-- {
		p := c.packets[i%len(c.packets)]
		if into := sample - c.late - float64(p.sample); into >= 0 {
			return p.arrival + int64(into*sampleTime), true
		}
	}
	return 0, false
}
