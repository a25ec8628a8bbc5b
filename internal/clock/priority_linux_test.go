package clock

import (
	"errors"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// A thread of ordinary priority gets a real-time one; a thread that has one, and a higher one
// at that, keeps it.
func TestRealTimeRaisesOnly(t *testing.T) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with its priority
		for _, has := range []uint32{0, 12} {
			if has > 0 {
				attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Flags: unix.SCHED_FLAG_RESET_ON_FORK, Priority: has}
				if err := unix.SchedSetAttr(0, &attr, 0); err != nil {
					t.Error(err)
					return
				}
			}
			if err := RealTime(); errors.Is(err, unix.EPERM) {
				t.Log("real-time priority is not permitted here")
				return
			} else if err != nil {
				t.Error(err)
			}
			is, err := unix.SchedGetAttr(0, 0)
			if want := max(has, realTimePriority); err != nil || is.Priority != want || is.Policy != unix.SCHED_RR {
				t.Errorf("from %d: %+v, %v; want %d", has, is, err, want)
			}
		}
	}()
	<-done
}
