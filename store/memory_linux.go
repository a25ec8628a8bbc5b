package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// memoryFile returns a file of anonymous memory.
func memoryFile() (*os.File, error) {
	fd, err := unix.MemfdCreate("confd-store", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	return os.NewFile(uintptr(fd), "memory"), nil
}
