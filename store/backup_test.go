package store

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"
)

func TestBackupOpensAsItWas(t *testing.T) {
	eachPath(t, func(t *testing.T, path string) {
		s := openAt(t, path, Options{})
		c := collectionOf(t, s)
		mustPut(t, c, "a", 1)
		var stream bytes.Buffer
		n, err := s.WriteTo(&stream)
		if err != nil || n != int64(stream.Len()) {
			t.Fatalf("%d of %d bytes, %v", n, stream.Len(), err)
		}
		file := filepath.Join(t.TempDir(), "backup.db")
		if err := s.Backup(file); err != nil {
			t.Fatal(err)
		}
		mustPut(t, c, "b", 2)
		streamed := filePath(t)
		if err := os.WriteFile(streamed, stream.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, copied := range []string{file, streamed} {
			if got := contents(t, collectionOf(t, openAt(t, copied, Options{}))); !maps.Equal(got, map[string]int{"a": 1}) {
				t.Errorf("%s holds %v", copied, got)
			}
		}
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v; want mode 600", info, err)
		}
	})
}

func TestBackupReplacesNothing(t *testing.T) {
	path := filePath(t)
	s := openAt(t, path, Options{})
	wantKind(t, s.Backup(path), fs.ErrExist)
	wantKind(t, s.Backup(""), ErrInvalid)
	wantKind(t, s.Backup(filepath.Join(t.TempDir(), "none", "x")), fs.ErrNotExist)
	if _, err := s.WriteTo(failing{}); !errors.Is(err, errFailing) {
		t.Errorf("%v, want the writer's error", err)
	}
	if rest, _ := filepath.Glob(path + ".new*"); len(rest) != 0 {
		t.Errorf("left behind: %v", rest)
	}
	mustPut(t, collectionOf(t, s), "a", 1) // the store itself is well
}

var errFailing = errors.New("the reader went away")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFailing }

// Somebody who reads a backup slowly holds nobody up.
func TestSlowBackupHoldsNobodyUp(t *testing.T) {
	s := openAt(t, filePath(t), Options{})
	c := collectionOf(t, s)
	if _, err := s.WriteTo(during(func() {
		for range 40 {
			if err := c.Put("key", thing{Text: string(make([]byte, 20000))}); err != nil {
				t.Error(err)
				return
			}
		}
	})); err != nil {
		t.Fatal(err)
	}
}

// during is a writer that does something at each write.
type during func()

func (d during) Write(b []byte) (int, error) { d(); return len(b), nil }
