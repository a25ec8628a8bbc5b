package control

import "time"

// bucket is a token bucket on the clock of its caller.
type bucket struct {
	rate, depth float64 // units per second, units
	level       float64
	at          int64
}

func newBucket(rate, depth float64) bucket { return bucket{rate: rate, depth: depth, level: depth} }

// fill adds what has come since the last call.
func (b *bucket) fill(now int64) {
	if now > b.at {
		b.level = min(b.depth, b.level+b.rate*float64(now-b.at)/float64(time.Second))
		b.at = now
	}
}

// take takes n units, or none and returns false.
func (b *bucket) take(n float64, now int64) bool {
	b.fill(now)
	if b.level < n {
		return false
	}
	b.level -= n
	return true
}
