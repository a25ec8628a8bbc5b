package clock

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// SleepUntil blocks the calling thread until Now reaches t. A thread in the kernel's own
// timer wakes some 0.1 ms late where the runtime's poller rounds to 1 ms.
func SleepUntil(t int64) { sleep(t, false) }

// SleepKeeping is SleepUntil for a thread that keeps its processor of the runtime (of which
// GOMAXPROCS is the number) while it sleeps: there must be one to spare for it. A thread that never
// passes the scheduler has it taken away in each sleep else, which costs the runtime's monitor
// some fifty wakes. Whoever stops all goroutines interrupts the sleep by a signal.
func SleepKeeping(t int64) { sleep(t, true) }

func sleep(t int64, keeping bool) {
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
		if keeping {
			_, _, _ = unix.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME,
				uintptr(unsafe.Pointer(&due)), 0, 0, 0)
		} else {
			_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &due, nil)
		}
	}
}
