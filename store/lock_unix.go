//go:build unix

package store

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lock takes the lock of the file for this descriptor, waiting for it at most so long. It
// is freed when the descriptor is closed, so a process that dies leaves none.
func lock(f *os.File, wait time.Duration) (got bool, err error) {
	const again = 20 * time.Millisecond
	for deadline := time.Now().Add(wait); ; time.Sleep(again) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EINTR): // again
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return false, fmt.Errorf("lock the file: %w", err)
		case time.Now().After(deadline):
			return false, nil
		}
	}
}

// holder says who has the lock of the file, as far as the system tells.
func holder(path string) string {
	const unknown = "another process"
	info, err := os.Stat(path)
	if err != nil {
		return unknown
	}
	status, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return unknown
	}
	locks, err := os.Open("/proc/locks") // Linux only
	if err != nil {
		return unknown
	}
	defer locks.Close()
	for lines := bufio.NewScanner(locks); lines.Scan(); {
		if pid, ok := flockHolder(lines.Text(), uint64(status.Dev), uint64(status.Ino)); ok {
			return processName(pid)
		}
	}
	return unknown
}

// flockHolder reads "1: FLOCK  ADVISORY  WRITE 4711 fe:00:131084 0 EOF" (proc_locks(5)).
func flockHolder(line string, device, inode uint64) (pid string, ok bool) {
	f := strings.Fields(line)
	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(device), unix.Minor(device), inode)
	if len(f) < 6 || f[1] != "FLOCK" || f[5] != file {
		return "", false
	}
	return f[4], f[4] != "0" && f[4] != "-1"
}

func processName(pid string) string {
	name, err := os.ReadFile("/proc/" + pid + "/comm")
	if err != nil {
		return "process " + pid
	}
	return fmt.Sprintf("process %s (%s)", pid, strings.TrimSpace(string(name)))
}
