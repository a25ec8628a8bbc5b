package store

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strings"
	"syscall"
	"testing"

	berrors "go.etcd.io/bbolt/errors"
)

// stall keeps the writer from committing until release is called.
func stall(t *testing.T, s *Store) (release func()) {
	t.Helper()
	tx, err := s.db.Begin(true)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	}
}

// Append comes back at once whatever the disk does; what does not fit is counted.
func TestAppendNeverWaits(t *testing.T) {
	for name, o := range map[string]Options{"number": {QueueLen: 10}, "bytes": {QueueBytes: 2000}} {
		t.Run(name, func(t *testing.T) {
			s := openAt(t, filePath(t), o)
			l := logOf(t, s, LogOptions{})
			before := s.Stats()
			release := stall(t, s)
			taken, refused := 0, 0
			for i := range 100 {
				err := l.Append(at(i), fmt.Sprint("id", i), thing{N: i, Text: strings.Repeat("x", 100)})
				switch {
				case err == nil && refused == 0:
					taken++
				case errors.Is(err, ErrFull):
					refused++
				default:
					t.Errorf("record %d: %v after %d were refused", i, err, refused)
				}
			}
			st := s.Stats()
			if st.Appended-before.Appended != uint64(taken) || st.Lost != uint64(refused) || st.Waiting != taken || taken < 10 || refused == 0 {
				t.Errorf("%d taken, %d refused: %+v", taken, refused, st)
			}
			release()
			if err := s.Flush(); err != nil {
				t.Fatal(err)
			}
			if st := s.Stats(); l.Len() != taken || st.Waiting != 0 {
				t.Errorf("%d of %d on the disk, %+v", l.Len(), taken, st)
			}
			appendAll(t, s, l, 1000) // there is room again
		})
	}
}

func TestCloseWritesWhatWaits(t *testing.T) {
	path := filePath(t)
	s := openAt(t, path, Options{})
	l := logOf(t, s, LogOptions{})
	release := stall(t, s)
	for i := range 500 {
		if err := l.Append(at(i), "x", thing{N: i}); err != nil {
			t.Fatal(err)
		}
	}
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	release()
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	if n := logOf(t, openAt(t, path, Options{}), LogOptions{}).Len(); n != 500 {
		t.Errorf("%d of 500 are there", n)
	}
}

// After a failure that leaves open what the disk holds, nothing is read or written.
func TestBrokenStoreRefusesAll(t *testing.T) {
	path := filePath(t)
	s := openAt(t, path, Options{})
	c, l := collectionOf(t, s), logOf(t, s, LogOptions{})
	mustPut(t, c, "a", 1)
	s.fail(syscall.EIO)
	_, get := c.Get("a")
	for _, err := range []error{c.Put("a", thing{N: 2}), get, l.Append(epoch, "x", thing{}), s.Flush()} {
		wantKind(t, err, ErrBroken)
		wantKind(t, err, syscall.EIO)
	}
	if st := s.Stats(); !st.Broken || st.Lost != 1 {
		t.Errorf("%+v", st)
	}
	closeNow(t, s)
	if got := contents(t, collectionOf(t, openAt(t, path, Options{}))); !maps.Equal(got, map[string]int{"a": 1}) {
		t.Errorf("after a restart: %v", got)
	}
}

// A file that is cut off while it is in use makes the map fault, not the process end.
func TestFaultInTheMapIsAnError(t *testing.T) {
	for _, verb := range []string{"read", "write"} {
		t.Run(verb, func(t *testing.T) {
			path := filePath(t)
			s := openAt(t, path, Options{})
			c := collectionOf(t, s)
			for i := range 50 {
				if err := c.Put(fmt.Sprint(i), thing{Text: strings.Repeat("x", 10000)}); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Truncate(path, int64(2*os.Getpagesize())); err != nil {
				t.Fatal(err)
			}
			err := c.Put("1", thing{})
			if verb == "read" {
				_, err = c.All()
			}
			wantKind(t, err, ErrBroken)
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
}

func TestKindsOfFailure(t *testing.T) {
	write := func(err error) error { return &fs.PathError{Op: "write", Path: "x", Err: err} }
	for _, c := range []struct {
		err               error
		harmless, noSpace bool
	}{
		{write(syscall.ENOSPC), true, true}, {write(syscall.EDQUOT), true, true}, {write(syscall.EFBIG), true, true},
		{write(syscall.EIO), true, false},
		{fmt.Errorf("file resize error: %s", &fs.PathError{Op: "truncate", Path: "x", Err: syscall.ENOSPC}), true, true},
		{syscall.EIO, false, false}, {syscall.ENOSPC, false, true}, // fdatasync
		{fmt.Errorf("file sync error: %s", syscall.EIO), false, false},
		{fmt.Errorf("mmap allocate error: %s", syscall.ENOMEM), false, false},
		{berrors.ErrInvalidMapping, false, false},
	} {
		if h, n := isHarmless(c.err), isNoSpace(c.err); h != c.harmless || n != c.noSpace {
			t.Errorf("%v: harmless %v, no space %v; want %v, %v", c.err, h, n, c.harmless, c.noSpace)
		}
	}
}
