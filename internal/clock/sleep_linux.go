package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// SleepUntil blocks the calling thread until Now reaches t. A thread in the kernel's own
// timer wakes some 0.1 ms late where the runtime's poller rounds to 1 ms.
func SleepUntil(t int64) {
	for {
		left := t - Now()
		if left <= 0 {
			return
		}
		var now unix.Timespec
		if unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) != nil {
			time.Sleep(time.Duration(left))
			return
		}
		due := unix.NsecToTimespec(now.Nano() + left)
		// EINTR is a reason to look at the clock again.
		_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &due, nil)
	}
}
