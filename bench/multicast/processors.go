//go:build linux

package multicast

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// startOn starts a program that may use one processor alone.
func startOn(cpu int, c *exec.Cmd) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var had unix.CPUSet
	if err := unix.SchedGetaffinity(0, &had); err != nil {
		return err
	}
	if err := allow(0, cpu); err != nil {
		return err
	}
	return errors.Join(c.Start(), unix.SchedSetaffinity(0, &had))
}

// useOnly keeps this process, and what it starts, to one processor.
func useOnly(cpu int) error { return allow(-1, cpu) }

// useAll ends that.
func useAll() {
	all := make([]int, runtime.NumCPU())
	for i := range all {
		all[i] = i
	}
	_ = allow(-1, all...) // as many as there are: nothing can be against it
}

// allow sets the processors of a thread, or of all threads of this process if it is -1.
func allow(thread int, cpus ...int) error {
	var set unix.CPUSet
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	if thread >= 0 {
		return unix.SchedSetaffinity(thread, &set)
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}
