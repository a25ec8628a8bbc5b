//go:build linux

package bench

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/bench/mixing"
)

// BenchmarkSmallRooms ticks 200 rooms of five, of whom three talk, one after the other: an
// operation is a tick of all. Before each, memory of the size of what else is done in a period
// is gone through, so that caches are as cold as with a network. The median of the thread's
// processor time per participant is reported.
func BenchmarkSmallRooms(b *testing.B) {
	const rooms, participants, talkers = 200, 5, 3
	for _, codec := range []string{"pcmu", "opus"} {
		b.Run("codec="+codec, func(b *testing.B) {
			all, err := mixing.NewRooms(tickCase(b, []string{codec}, participants, talkers), rooms)
			if err != nil {
				b.Fatal(err)
			}
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			runtime.GC()
			var took []float64
			for b.Loop() {
				elsewhere()
				before := threadTime(b)
				for _, r := range all {
					r.Tick()
				}
				took = append(took, float64(threadTime(b)-before))
			}
			b.ReportMetric(measure.Quantile(took, 0.1)/rooms/participants, "low-ns/participant")
			b.ReportMetric(measure.Median(took)/rooms/participants, "ns/participant")
		})
	}
}

var distant [16 << 20]byte

// elsewhere turns the caches over.
func elsewhere() {
	for i := 0; i < len(distant); i += 64 {
		distant[i]++
	}
}

func threadTime(b *testing.B) int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return t.Nano()
}
