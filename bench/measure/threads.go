//go:build linux

package measure

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// RealTimeThreads returns how many threads of a process go before all ordinary ones.
func RealTimeThreads(pid int) (n int) {
	threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid)) // none, if it has ended
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		a, err := unix.SchedGetAttr(id, 0)
		if err == nil && (a.Policy == unix.SCHED_FIFO || a.Policy == unix.SCHED_RR) {
			n++
		}
	}
	return n
}
