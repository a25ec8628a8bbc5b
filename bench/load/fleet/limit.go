//go:build linux

package fleet

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// spareFiles are for all else that a load opens: SIP connections, reports.
const spareFiles = 64

// AllowFiles makes sure that so many more files can be opened, or says why not.
func AllowFiles(more int) error {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("fleet: count open files: %w", err)
	}
	return raiseFiles(uint64(len(open) + more + spareFiles))
}

// raiseFiles raises the limit of open files to need if it is lower.
func raiseFiles(need uint64) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("fleet: read the limit of open files: %w", err)
	}
	if limit.Cur >= need {
		return nil
	}
	want := unix.Rlimit{Cur: need, Max: max(limit.Max, need)}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &want); err != nil {
		return fmt.Errorf("fleet: %d open files are needed, and the limit is %d: raise it with \"ulimit -n %d\", or LimitNOFILE= of a systemd unit: %w",
			need, limit.Max, need, err)
	}
	return nil
}
