//go:build linux

package wire

import (
	"time"

	"golang.org/x/sys/unix"
)

// Monotonic returns nanoseconds on the clock that SleepUntil takes.
func Monotonic() int64 { return read(unix.CLOCK_MONOTONIC) }

// Realtime returns nanoseconds on the clock of ReceiveStamped.
func Realtime() int64 { return time.Now().UnixNano() }

// RealtimeAhead returns by how much Realtime is ahead of a clock, ns.
func RealtimeAhead(now func() int64) (ahead int64) {
	best := int64(1 << 62)
	for range 3 { // the thread may be interrupted between two readings
		a := now()
		r := Realtime()
		b := now()
		if b-a < best {
			best, ahead = b-a, r-(a+(b-a)/2)
		}
	}
	return ahead
}

// ThreadCPU returns the processor time that the calling thread has used. The caller must
// be locked to its thread.
func ThreadCPU() time.Duration { return time.Duration(read(unix.CLOCK_THREAD_CPUTIME_ID)) }

func read(clock int32) int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		panic("wire: clock_gettime: " + err.Error()) // fails only for a clock that does not exist
	}
	return t.Nano()
}

// SleepUntil blocks the thread until the monotonic clock reads at.
func SleepUntil(at int64) {
	t := unix.NsecToTimespec(at)
	for unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &t, nil) == unix.EINTR {
	}
}

// CPUOfThread returns the processor time that a thread of this process has used; 0 if there
// is no such thread.
func CPUOfThread(tid int) time.Duration {
	const scheduledThread = 6 // CPUCLOCK_SCHED of one thread
	var t unix.Timespec
	if unix.ClockGettime(int32(^tid)<<3|scheduledThread, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
