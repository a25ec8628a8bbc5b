package mixer

// caution is how long a stream keeps delay that it needed once. What a hiccup made necessary
// is given back soon; who needs it again and again keeps it for longer each time, since to want
// for sound is heard, and a few milliseconds are not.
type caution struct {
	needed int64 // when more delay was needed last, monotonic ns
	wait   int64 // how long after that it is kept, ns
}

const (
	minCaution = int64(2e9)   // ns
	maxCaution = int64(256e9) // ns
	// sameNeed is how close together, ns, needs are one.
	sameNeed = int64(5e8)
	// forgiven is after how long without a need, and its wait, ns, a stream is as if it never had any.
	forgiven = int64(120e9)
)

// need is told that a stream wants for delay, or did without sound for want of it.
func (c *caution) need(now int64) {
	since := now - c.needed
	c.needed = now
	switch {
	case c.wait == 0 || since > c.wait+forgiven:
		c.wait = minCaution
	case since > sameNeed:
		c.wait = min(2*c.wait, maxCaution)
	}
}

// margin is how much earlier than its tick, ns, a packet must be expected before delay is given up.
func (c *caution) margin(now int64) int64 {
	if c.wait > 0 && now-c.needed < c.wait {
		return wideMargin
	}
	return narrowMargin
}
