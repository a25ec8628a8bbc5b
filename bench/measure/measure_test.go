//go:build linux

package measure

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/internal/clock"
)

func TestQuantile(t *testing.T) {
	ten := []int{10, 9, 8, 7, 6, 5, 4, 3, 2, 1}
	for _, c := range []struct {
		q    float64
		want int
	}{{0, 1}, {0.1, 1}, {0.11, 2}, {0.5, 5}, {0.9, 9}, {0.99, 10}, {1, 10}} {
		if got := Quantile(ten, c.q); got != c.want {
			t.Errorf("quantile %v is %d, want %d", c.q, got, c.want)
		}
	}
	if got := Median([]int{3}); got != 3 {
		t.Errorf("median of one value: %d", got)
	}
	if got := Median[int](nil); got != 0 {
		t.Errorf("median of nothing: %d", got)
	}
}

func TestCPUCountsWork(t *testing.T) {
	before, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		now, err := CPU(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if now-before >= 5*time.Millisecond {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("ten seconds of spinning counted as %v", now-before)
		}
	}
}

func TestCPUOfNobody(t *testing.T) {
	if _, err := CPU(1 << 22); err == nil { // above the largest pid_max
		t.Fatal("a process that cannot exist has processor time")
	}
}

func TestMachineNamesTheCompiler(t *testing.T) {
	if m := Machine(); !strings.Contains(m, runtime.Version()) {
		t.Errorf("machine %q lacks %q", m, runtime.Version())
	}
}

func TestSchedulingIsKnown(t *testing.T) {
	if s := Scheduling(); s == "unknown" {
		t.Error("the kernel does not tell the scheduling policy")
	}
}

func TestRealTimeThreads(t *testing.T) {
	if n := RealTimeThreads(1 << 22); n != 0 {
		t.Errorf("a process that cannot exist has %d real-time threads", n)
	}
	before := RealTimeThreads(os.Getpid())
	counted := make(chan int)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its priority
		if err := clock.RealTime(); err != nil {
			t.Log(err)
			before--
		}
		counted <- RealTimeThreads(os.Getpid())
	}()
	if got := <-counted; got != before+1 {
		t.Errorf("%d real-time threads, want %d", got, before+1)
	}
}

func TestGiveWay(t *testing.T) {
	before, err := nice(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := GiveWay(2); err != nil {
		t.Fatal(err)
	}
	for _, id := range threads(os.Getpid()) {
		if got, err := nice(id); err == nil && got != min(before+2, 19) {
			t.Errorf("thread %d has nice value %d, the first had %d", id, got, before)
		}
	}
	if err := GiveWay(100); err != nil {
		t.Fatal(err)
	}
	if got, err := nice(os.Getpid()); err != nil || got != 19 {
		t.Errorf("nice value %d, %v; 19 is as nice as can be", got, err)
	}
}
