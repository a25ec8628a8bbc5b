package transport

import "time"

// Token says whose descriptor is ready; what it means is the caller's.
type Token uint64

// maxReady is how many descriptors one Wait tells of.
const maxReady = 256

// milliseconds rounds a time up to what epoll_wait takes; below 0 is for ever.
func milliseconds(d time.Duration) int {
	if d < 0 {
		return -1
	}
	return int((d + time.Millisecond - 1) / time.Millisecond)
}
