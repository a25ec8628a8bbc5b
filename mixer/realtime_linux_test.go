package mixer

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Where it is permitted the mixing threads, and no others, run at real-time priority.
func TestWorkersRunAtRealTimePriority(t *testing.T) {
	before := realTimeThreads(t)
	eng, err := New(Config{Workers: 2, RealTime: true})
	if err != nil {
		t.Fatal(err)
	}
	eng.Start()
	defer eng.Close()
	if err := eng.RealTime(); errors.Is(err, unix.EPERM) {
		t.Skip("real-time priority is not permitted here")
	} else if err != nil {
		t.Fatal(err)
	}
	if n := realTimeThreads(t) - before; n != 2 {
		t.Errorf("%d threads at real-time priority, want the 2 workers'", n)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := eng.NewConference(ConferenceConfig{}).ApplyWait(ctx, AddInput(NewInput(nothing{}, InputConfig{}))); err != nil {
		t.Errorf("a tick at real-time priority: %v", err)
	}
}

func TestRealTimeIsNotTakenUnasked(t *testing.T) {
	before := realTimeThreads(t)
	eng, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	eng.Start()
	defer eng.Close()
	if n := realTimeThreads(t) - before; n != 0 || eng.RealTime() == nil {
		t.Errorf("%d threads at real-time priority, and RealTime says %v", n, eng.RealTime())
	}
}

// realTimeThreads counts the threads of this process under SCHED_RR.
func realTimeThreads(t *testing.T) (n int) {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range tasks {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if policy := fields[38]; policy == "2" { // proc(5): field 41, counted from 1
			n++
		}
	}
	return n
}
