package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"go.etcd.io/bbolt"
)

const (
	fileMode   = 0o600
	folderMode = 0o700
)

// createIfMissing makes an empty store under path unless something is there. It is made
// under another name and gets its own when it is complete, so that whatever stands at path
// was whole once, and an empty file there is damage. (A crash may leave PATH.new-NUMBER.)
func createIfMissing(path string) error {
	info, err := os.Stat(path)
	if err == nil {
		if !info.Mode().IsRegular() {
			return errorf(ErrInvalid, "open "+path, "it is no regular file (%v); give the path of a file", info.Mode().Type())
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("store: open %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), folderMode); err != nil {
		return fmt.Errorf("store: create %s: %w", path, err)
	}
	if err := create(path); err != nil && !errors.Is(err, fs.ErrExist) { // another process was faster
		return fmt.Errorf("store: create %s: %w", path, err)
	}
	return nil
}

func create(path string) error {
	f, err := temporary(path)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	db, err := bbolt.Open(f.Name(), fileMode, &bbolt.Options{
		OpenFile: func(string, int, os.FileMode) (*os.File, error) { return f, nil },
	})
	if err != nil {
		return err
	}
	if err := errors.Join(initialise(db), db.Close()); err != nil {
		return err
	}
	return publish(f.Name(), path)
}

// temporary creates a file of mode 0600 beside path.
func temporary(path string) (*os.File, error) {
	return os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
}

// publish gives a complete file its name, for good. It never replaces another: that is
// fs.ErrExist.
func publish(temporary, path string) error {
	err := os.Link(temporary, path)
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	if err != nil { // a file system without links
		if _, err := os.Lstat(path); err == nil {
			return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
		}
		if err := os.Rename(temporary, path); err != nil {
			return err
		}
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(dir string) error {
	if runtime.GOOS == "windows" { // folders cannot be synced there
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
