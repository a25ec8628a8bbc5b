package store

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/confd/confd/store/pages"
)

// openChecked returns how bbolt is to open the file: locked, and checked before it is
// mapped. bbolt's own lock on the same descriptor then succeeds at once.
func (s *Store) openChecked(wait time.Duration) func(string, int, os.FileMode) (*os.File, error) {
	return func(path string, _ int, _ os.FileMode) (*os.File, error) {
		f, err := os.OpenFile(path, os.O_RDWR, 0) // never created here
		if err != nil {
			return nil, err
		}
		if err := s.lockAndCheck(f, wait); err != nil {
			f.Close()
			return nil, err
		}
		return f, nil
	}
}

func (s *Store) lockAndCheck(f *os.File, wait time.Duration) error {
	got, err := lock(f, wait)
	if err != nil {
		return err
	}
	if !got {
		return s.locked()
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := pages.Check(f, info.Size(), pages.Visitor{Key: s.checkDocument, Bucket: checkBucket}); err != nil {
		return s.corrupt(err)
	}
	return nil
}

// checkBucket refuses buckets that are none of ours, and counts that are wrong: a log is
// trimmed by its count.
func checkBucket(path []string, sequence uint64, keys int) error {
	kind, _, _ := strings.Cut(path[0], ":")
	switch {
	case len(path) > 1 || path[0] != metaBucket && kind != collectionKind && kind != logKind:
		return fmt.Errorf("it is no store of confd: it has a bucket %q", strings.Join(path, "/"))
	case path[0] != metaBucket && sequence != uint64(keys):
		return fmt.Errorf("%s has %d documents, its count is %d", path[0], keys, sequence)
	}
	return nil
}

// checkDocument looks at each document of the file; those of logs are only counted.
func (s *Store) checkDocument(path []string, key, value []byte) error {
	if len(path) == 0 {
		return fmt.Errorf("it is no store of confd: it has a key %q outside all buckets", key)
	}
	if path[0] == metaBucket {
		return nil
	}
	_, _, err := unpack(key, value)
	if err == nil {
		return nil
	}
	if strings.HasPrefix(path[0], logKind+":") {
		s.damaged++
		return nil
	}
	return fmt.Errorf("document %q in %s: %w", key, path[0], err)
}
