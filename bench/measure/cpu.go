//go:build linux

package measure

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// CPU returns the processor time, user and system, that all threads of a process have used
// since it started, those that have ended among them. It is exact to the nanosecond, where
// /proc/PID/stat counts hundredths of a second.
func CPU(pid int) (time.Duration, error) {
	const processScheduled = 2 // CPUCLOCK_SCHED of a whole process
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid)<<3|processScheduled, &t); err != nil {
		return 0, fmt.Errorf("measure: processor time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}
