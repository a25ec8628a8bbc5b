package store

import (
	"errors"
	"fmt"
	"io"
	"os"

	"go.etcd.io/bbolt"
)

// WriteTo writes a whole store as it is at this moment, as a file that [Open] opens. It goes
// through a temporary file beside the store (or in the temporary folder), so that a slow
// reader holds nobody up. Records not yet on the disk are not in it; see [Store.Flush].
func (s *Store) WriteTo(w io.Writer) (n int64, err error) {
	f, err := s.snapshot(s.path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, fmt.Errorf("store: back up: %w", err)
	}
	if n, err = io.Copy(w, f); err != nil {
		return n, fmt.Errorf("store: back up: %w", err)
	}
	return n, nil
}

// Backup writes what [Store.WriteTo] writes to a new file of mode 0600, which appears when
// it is complete and on the disk. A file that is there already is an error.
func (s *Store) Backup(path string) error {
	if path == "" {
		return errorf(ErrInvalid, "back up", "the path is empty")
	}
	f, err := s.snapshot(path)
	if err != nil {
		return err
	}
	err = errors.Join(f.Sync(), f.Close())
	if err == nil {
		err = publish(f.Name(), path)
	}
	if gone := os.Remove(f.Name()); gone != nil && !errors.Is(gone, os.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	if err != nil {
		return fmt.Errorf("store: back up to %s: %w", path, err)
	}
	return nil
}

// snapshot writes the store to a temporary file beside path.
func (s *Store) snapshot(path string) (*os.File, error) {
	f, err := s.spool(path)
	if err != nil {
		return nil, fmt.Errorf("store: back up: %w", err)
	}
	var failed error // of f, which says nothing about the store
	err = s.view("back up", func(tx *bbolt.Tx) error {
		_, failed = tx.WriteTo(f)
		return nil
	})
	if err == nil && failed != nil {
		err = fmt.Errorf("store: back up: %w", failed)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return f, nil
}

func (s *Store) spool(path string) (*os.File, error) {
	if path == "" {
		return os.CreateTemp("", "confd-store-*")
	}
	return temporary(path)
}
