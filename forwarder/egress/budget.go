package egress

import "time"

const (
	millisecond = int64(time.Millisecond)
	second      = int64(time.Second)

	// lowRate is what a receiver in low mode is sent, bits per second, beyond what single
	// key frames take.
	lowRate = 150_000
	// Estimates are held between these, bits per second.
	leastRate, mostRate = 30_000, 10_000_000_000
	// A receiver is sent a quarter more than it is estimated to take, so that the estimate can
	// find out that it is too low.
	headroom, headroomOf = 5, 4

	budgetDepth = 750 * millisecond // how far a receiver may fall behind before pictures are dropped
	lowDepth    = 250 * millisecond // the same in low mode
	resumeDepth = 100 * millisecond // how far it may be behind when a key frame is taken again
	keyDepth    = 2 * second        // how much of a key frame's size is borne on top

	// How often a receiver that is too slow, or in low mode, has a key frame made for itself.
	slowKeyEvery = 2 * second
	lowKeyEvery  = 5 * second

	headerSize = 12 // bytes of RTP header; what estimates count
)

// budget tells how far a receiver is behind what it was sent: a bucket that runs out at the
// rate that the receiver can take.
type budget struct {
	rate  int64 // bytes per second; 0: without bound
	depth int64 // nanoseconds
	level int64 // bytes that have not run out at time at
	key   int64 // bytes of the last key frame, up to keyDepth: borne on top of depth
	at    int64 // milliseconds
}

// set changes the rate: bits per second, 0 without bound.
func (b *budget) set(estimate uint64, low bool) {
	if estimate > 0 {
		estimate = min(max(estimate, leastRate), mostRate) * headroom / headroomOf
	}
	b.depth = budgetDepth
	if low {
		b.depth = lowDepth
		if estimate == 0 || estimate > lowRate {
			estimate = lowRate
		}
	}
	b.rate = int64(estimate / 8)
}

// bytes returns what the rate carries in a time.
func (b *budget) bytes(d int64) int64 { return b.rate * (d / millisecond) / 1000 }

func (b *budget) levelAt(now int64) int64 {
	passed := min(now/millisecond-b.at, 60_000)
	return max(b.level-b.rate*passed/1000, 0)
}

// take counts what is sent.
func (b *budget) take(bytes int, key bool, now int64) {
	if b.rate == 0 {
		b.level, b.key = 0, 0
		return
	}
	b.level, b.at = b.levelAt(now)+int64(bytes), now/millisecond
	if key {
		b.key = min(int64(bytes), b.bytes(keyDepth))
	}
}

// spent reports whether a picture is more than the receiver can take now: half as far behind
// already, if it can be spared.
func (b *budget) spent(spare bool, now int64) bool {
	depth := b.depth
	if spare {
		depth /= 2
	}
	return b.rate > 0 && b.levelAt(now) > b.bytes(depth)+b.key
}

// resumes reports whether the receiver has caught up so far that a key frame may go out.
func (b *budget) resumes(now int64) bool {
	return b.rate == 0 || b.levelAt(now) <= b.bytes(resumeDepth)
}
