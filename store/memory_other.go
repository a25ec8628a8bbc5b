//go:build !linux

package store

import (
	"errors"
	"os"
	"runtime"
)

// memoryFile returns a file without a name, where the system has no files of memory. One
// that cannot lose its name while it is open (Windows) stays in the temporary folder.
func memoryFile() (*os.File, error) {
	f, err := os.CreateTemp("", "confd-store-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil && runtime.GOOS != "windows" {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
