//go:build linux

package measure

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// threads returns the numbers of a process's threads; none, if it has ended.
func threads(pid int) (ids []int) {
	all, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, t := range all {
		if id, err := strconv.Atoi(t.Name()); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// RealTimeThreads returns how many threads of a process go before all ordinary ones.
func RealTimeThreads(pid int) (n int) {
	for _, id := range threads(pid) {
		a, err := unix.SchedGetAttr(id, 0)
		if err == nil && (a.Policy == unix.SCHED_FIFO || a.Policy == unix.SCHED_RR) {
			n++
		}
	}
	return n
}

// GiveWay makes all threads of this process so much nicer (1 to 19) than its first one is.
// What it has started before stays as it is.
func GiveWay(by int) error {
	first, err := nice(os.Getpid())
	if err != nil {
		return err
	}
	want := min(first+by, 19)
	for changed := true; changed; { // threads come meanwhile, of those that were not yet nicer
		changed = false
		for _, id := range threads(os.Getpid()) {
			if is, err := nice(id); err == nil && is == want {
				continue
			}
			err := unix.Setpriority(unix.PRIO_PROCESS, id, want)
			if err != nil && err != unix.ESRCH {
				return fmt.Errorf("measure: make thread %d nicer: %w", id, err)
			}
			changed = true
		}
	}
	return nil
}

// nice returns the nice value of a thread.
func nice(id int) (int, error) {
	n, err := unix.Getpriority(unix.PRIO_PROCESS, id) // the kernel returns 20 less it
	if err != nil {
		return 0, fmt.Errorf("measure: nice value of thread %d: %w", id, err)
	}
	return 20 - n, nil
}
