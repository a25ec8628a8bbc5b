package clock

import (
	"runtime"
	"testing"
	"time"
)

// Who stops all goroutines does not wait for those asleep, and they sleep on until their time.
func TestSleepsAreInterrupted(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.NumCPU() + 2))
	woke := make(chan int64)
	due := Now() + int64(3*time.Second)
	for _, sleep := range []func(int64){SleepUntil, SleepKeeping} {
		begun := make(chan bool)
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			close(begun)
			sleep(due)
			woke <- Now()
		}()
		<-begun
	}
	runtime.GC() // stops all, twice
	if Now() > due {
		t.Error("who stops all goroutines waited for those asleep")
	}
	for range 2 {
		if now := <-woke; now < due {
			t.Errorf("%v too early", time.Duration(due-now))
		}
	}
}
