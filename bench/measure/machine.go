//go:build linux

package measure

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine names what a figure was measured on: processor, kernel, Go.
func Machine() string {
	var u unix.Utsname
	kernel := "an unknown kernel"
	if unix.Uname(&u) == nil {
		kernel = unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
	}
	return fmt.Sprintf("%d x %s, %s, %s %s",
		runtime.NumCPU(), processor(), kernel, runtime.Version(), runtime.GOARCH)
}

// Scheduling names the policy under which this process, and what it starts, competes for
// processors.
func Scheduling() string {
	a, err := unix.SchedGetAttr(0, 0)
	switch {
	case err != nil:
		return "unknown"
	case a.Policy == unix.SCHED_FIFO || a.Policy == unix.SCHED_RR:
		return fmt.Sprintf("real time, priority %d", a.Priority)
	}
	return fmt.Sprintf("shared, nice %d", a.Nice)
}

func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(info)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unnamed processor"
}
