package clock

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// realTimePriority is the lowest but some: anything that was given a real-time priority on
// purpose goes first.
const realTimePriority = 5

// RealTime asks the kernel to run the calling thread before all ordinary ones, so that a
// tick is not late because the machine has other work. The caller has locked its goroutine
// to the thread, and sleeps most of the time. It needs CAP_SYS_NICE or a limit on real-time
// priority (RLIMIT_RTPRIO); without, the error says so and nothing has changed. A thread that
// has a real-time priority stays as it is.
func RealTime() error {
	if is, err := unix.SchedGetAttr(0, 0); err == nil && is.Priority > 0 {
		return nil
	}
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR,
		Flags: unix.SCHED_FLAG_RESET_ON_FORK, Priority: realTimePriority}
	if err := unix.SchedSetAttr(0, &attr, 0); err != nil {
		return fmt.Errorf("real-time priority needs CAP_SYS_NICE or a limit on real-time priority of %d: %w", realTimePriority, err)
	}
	return nil
}
