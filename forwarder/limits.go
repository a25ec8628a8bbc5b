package forwarder

import "time"

// bucket lets through so much a second, and half of that at once.
type bucket struct {
	rate  int64 // units per second
	level int64 // units times nanoseconds that may still pass
	last  int64
}

func newBucket(perSecond int) bucket {
	return bucket{rate: int64(perSecond), level: int64(perSecond) * int64(time.Second) / 2}
}

// fill adds what time has brought.
func (b *bucket) fill(now int64) {
	if past := now - b.last; past > 0 {
		b.last = now
		b.level += min(past, int64(time.Second)) * b.rate
		b.level = min(b.level, b.rate*int64(time.Second)/2)
	}
}

// take reports whether n more units may pass at now, monotonic ns, and takes them then.
func (b *bucket) take(now int64, n int) bool {
	b.fill(now)
	cost := int64(n) * int64(time.Second)
	if b.level < cost {
		return false
	}
	b.level -= cost
	return true
}

// spend takes n units, also if they are not there, and reports whether they were.
func (b *bucket) spend(now int64, n int) bool {
	b.fill(now)
	b.level = max(b.level-int64(n)*int64(time.Second), -b.rate*int64(time.Second))
	return b.level >= 0
}
