package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/confd/confd/internal/testkit/leak"
)

func TestModesOfFileAndFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "confd.db")
	closeNow(t, openAt(t, path, Options{}))
	for name, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700, filepath.Dir(filepath.Dir(path)): 0o700} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want mode %o", name, info.Mode(), err, want)
		}
	}
	if rest, _ := filepath.Glob(path + ".new*"); len(rest) != 0 {
		t.Errorf("left behind: %v", rest)
	}
}

func TestNothingIsLeftOpen(t *testing.T) {
	eachPath(t, func(t *testing.T, path string) {
		leak.Check(t)
		closeNow(t, openAt(t, path, Options{}))
	})
}

// A file is checked as it was, not made anew.
func TestDamageIsAnError(t *testing.T) {
	good := filePath(t)
	s := openAt(t, good, Options{})
	mustPut(t, collectionOf(t, s), "key", 1)
	closeNow(t, s)
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	flip := bytes.Clone(whole)
	flip[bytes.LastIndex(flip, []byte(`{"n":1}`))+5] = '2'
	for name, data := range map[string][]byte{
		"empty": {}, "text": []byte(strings.Repeat("not a store\n", 999)), "cut": whole[:len(whole)/4], "one digit": flip,
	} {
		t.Run(name, func(t *testing.T) {
			path := filePath(t)
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(path, Options{})
			wantKind(t, err, ErrCorrupt)
			if err != nil && !strings.Contains(err.Error(), path) {
				t.Errorf("%v does not name the file", err)
			}
			if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, data) {
				t.Errorf("the file was changed (%v)", err)
			}
		})
	}
}

// A damaged record in a log does not hide the others.
func TestDamagedRecordIsPassedOver(t *testing.T) {
	path := filePath(t)
	s := openAt(t, path, Options{})
	l := logOf(t, s, LogOptions{})
	for i := range 3 {
		if err := l.Append(at(i), "id", thing{N: 10 + i}); err != nil {
			t.Fatal(err)
		}
	}
	closeNow(t, s)
	edit(t, path, []byte(`{"n":11}`), []byte(`{"n":99}`))
	s = openAt(t, path, Options{})
	page, err := logOf(t, s, LogOptions{}).Page(Query[thing]{Limit: 10})
	if err != nil || len(page.Records) != 2 || page.Damaged != 1 || s.Stats().Damaged != 1 {
		t.Errorf("%+v, %v, %d damaged; want 2 records and 1 damaged", page, err, s.Stats().Damaged)
	}
}

// edit replaces bytes wherever a file has them.
func edit(t *testing.T, path string, old, now []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(data, old) {
		t.Fatalf("%q is not in the file (%v)", old, err)
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(data, old, now), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestForeignFilesAreRefused(t *testing.T) {
	for name, fill := range map[string]func(tx *bbolt.Tx) error{
		"empty":  func(tx *bbolt.Tx) error { return nil },
		"bucket": func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("users")); return err },
		"nested": func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucket([]byte("collection:things"))
			if err == nil {
				_, err = b.CreateBucket([]byte("key"))
			}
			return err
		},
		"count": func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucket([]byte("log:things"))
			if err == nil {
				err = b.SetSequence(9)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filePath(t)
			db, err := bbolt.Open(path, 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(db.Update(fill), db.Close()); err != nil {
				t.Fatal(err)
			}
			_, err = Open(path, Options{})
			wantKind(t, err, ErrCorrupt)
		})
	}
}

func TestOnlyRegularFiles(t *testing.T) {
	_, err := Open(t.TempDir(), Options{})
	wantKind(t, err, ErrInvalid)
	_, err = Open(filepath.Join(filePath(t)+"\x00", "x"), Options{})
	if err == nil {
		t.Error("a path with a zero byte opens")
	}
}

func TestNewerLayoutIsRefused(t *testing.T) {
	path := filePath(t)
	s := openAt(t, path, Options{})
	err := s.db.Update(func(tx *bbolt.Tx) error { return putNumber(tx.Bucket([]byte(metaBucket)), layoutKey, layout+1) })
	if err != nil {
		t.Fatal(err)
	}
	closeNow(t, s)
	_, err = Open(path, Options{})
	wantKind(t, err, ErrNewer)
	if err != nil && !strings.Contains(err.Error(), "newer confd") {
		t.Errorf("%v does not say what to do", err)
	}
}

// hold is a process that has the store open until its standard input ends.
func hold(path string) error {
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	fmt.Println("open")
	io.Copy(io.Discard, os.Stdin)
	return s.Close()
}

func TestLockNamesItsHolder(t *testing.T) {
	path := filePath(t)
	cmd, out := child(t, "hold", path)
	if !out.Scan() || out.Text() != "open" {
		t.Fatalf("the other process says %q", out.Text())
	}
	_, err := Open(path, Options{LockWait: time.Millisecond})
	wantKind(t, err, ErrLocked)
	if err != nil && !strings.Contains(err.Error(), path) {
		t.Errorf("%v does not name the file", err)
	}
	if pid := fmt.Sprint(cmd.Process.Pid); err != nil && runtime.GOOS == "linux" && !strings.Contains(err.Error(), pid) {
		t.Logf("%v does not name process %s (the file system may hide it)", err, pid)
	}
	cmd.Process.Kill()
	cmd.Wait()
	closeNow(t, openAt(t, path, Options{}))
}

func TestOpenWaitsForTheLock(t *testing.T) {
	path := filePath(t)
	s := openAt(t, path, Options{})
	opened := make(chan error)
	go func() {
		second, err := Open(path, Options{LockWait: time.Minute})
		if err == nil {
			err = second.Close()
		}
		opened <- err
	}()
	closeNow(t, s)
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

// Two that create the same file at once use the same one, one after the other.
func TestConcurrentCreation(t *testing.T) {
	path := filePath(t)
	errs := make(chan error)
	for i := range 8 {
		go func() {
			s, err := Open(path, Options{LockWait: time.Minute})
			if err == nil {
				var c *Collection[thing]
				if c, err = OpenCollection(s, things); err == nil {
					err = c.Put(fmt.Sprint(i), thing{N: i})
				}
				err = errors.Join(err, s.Close())
			}
			errs <- err
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := len(contents(t, collectionOf(t, openAt(t, path, Options{})))); n != 8 {
		t.Errorf("%d of 8 are there", n)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []Options{{LockWait: -1}, {QueueLen: -1}, {QueueBytes: -1}} {
		_, err := Open("", o)
		wantKind(t, err, ErrInvalid)
	}
}

func TestSpacesAreChecked(t *testing.T) {
	s := openAt(t, "", Options{})
	for _, schema := range []Schema[thing]{
		{Name: "", Version: 1}, {Name: "Capital", Version: 1}, {Name: "a:b", Version: 1}, {Name: strings.Repeat("a", 65), Version: 1},
		{Name: "ok", Version: 0}, {Name: "ok", Version: maxVersion + 1},
	} {
		_, err := OpenCollection(s, schema)
		wantKind(t, err, ErrInvalid)
	}
	collectionOf(t, s)
	_, err := OpenCollection(s, things)
	wantKind(t, err, ErrInvalid)
	logOf(t, s, LogOptions{}) // of the same name, but another kind
	_, err = OpenLog(s, Schema[thing]{Name: "more", Version: 1}, LogOptions{Keep: -1})
	wantKind(t, err, ErrInvalid)
}

func TestClosedStoreSaysSo(t *testing.T) {
	eachPath(t, func(t *testing.T, path string) {
		s := openAt(t, path, Options{})
		c, l := collectionOf(t, s), logOf(t, s, LogOptions{})
		closeNow(t, s)
		closeNow(t, s)
		_, get := c.Get("a")
		_, all := c.All()
		_, page := l.Page(Query[thing]{Limit: 1})
		_, prune := l.Prune(epoch)
		_, backup := s.WriteTo(io.Discard)
		for _, err := range []error{c.Put("a", thing{}), c.Delete("a"), get, all, l.Append(epoch, "a", thing{}), page, prune, backup, s.Flush()} {
			wantKind(t, err, ErrClosed)
		}
	})
}
