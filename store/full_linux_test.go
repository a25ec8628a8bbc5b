package store

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// limitFiles bounds the size of the files of this process until lift is called.
func limitFiles(t *testing.T, size uint64) (lift func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ) // the write fails instead
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: size, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	lift = func() {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &old); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(lift)
	return lift
}

// fill puts documents until there is no room, and returns those that were taken.
func fill(c *Collection[thing]) (taken map[string]int, err error) {
	taken = map[string]int{}
	for i := range 10000 {
		key := fmt.Sprint("key ", i)
		if err := c.Put(key, thing{i, strings.Repeat("x", 16<<10)}); err != nil {
			return taken, err
		}
		taken[key] = i
	}
	return nil, errors.New("the store never fills")
}

func TestFullStoreTellsAndRecovers(t *testing.T) {
	eachPath(t, func(t *testing.T, path string) {
		var told bytes.Buffer
		s := openAt(t, path, Options{Logger: slog.New(slog.NewTextHandler(&told, nil))})
		c, l := collectionOf(t, s), logOf(t, s, LogOptions{})
		lift := limitFiles(t, 1<<20)
		taken, err := fill(c)
		wantKind(t, err, ErrNoSpace)
		if got := contents(t, c); len(taken) < 5 || !maps.Equal(got, taken) {
			t.Errorf("%d there, %d taken", len(got), len(taken))
		}
		if s.Stats().Broken {
			t.Error("a full disk is not the end")
		}

		// A record that does not fit stays, but does not stand in the way of requests.
		if err := l.Append(epoch, "big", thing{Text: strings.Repeat("y", MaxDocument/2)}); err != nil {
			t.Fatal(err)
		}
		wantKind(t, s.Flush(), ErrNoSpace)
		if err := c.Delete("none"); err != nil {
			t.Error(err)
		}
		if st := s.Stats(); st.Waiting != 1 || st.Lost != 0 || st.Failures == 0 {
			t.Errorf("%+v", st)
		}
		lift()
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
		if st := s.Stats(); l.Len() != 1 || st.Waiting != 0 || st.Lost != 0 {
			t.Errorf("%d records, %+v", l.Len(), st)
		}
		closeNow(t, s)
		if text := told.String(); strings.Count(text, "cannot be written") == 0 || !strings.Contains(text[strings.LastIndex(text, "level="):], "written again") {
			t.Errorf("the log says:\n%s", text)
		}
	})
}

func TestCloseTellsOfLostRecords(t *testing.T) {
	s := openAt(t, filePath(t), Options{})
	l := logOf(t, s, LogOptions{})
	limitFiles(t, 1<<20)
	if err := l.Append(epoch, "big", thing{Text: strings.Repeat("y", MaxDocument-100)}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), "1 records") {
		t.Errorf("close: %v, want one that tells of 1 record", err)
	}
	if st := s.Stats(); st.Lost != 1 || st.Waiting != 0 {
		t.Errorf("%+v", st)
	}
}

func init() { parts["full"] = full }

// full is a process with a small disk of its own, which it fills.
func full(path string) error {
	dir := filepath.Dir(path)
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		fmt.Println("skip:", err)
		return nil
	}
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	c, err := OpenCollection(s, things)
	if err != nil {
		return err
	}
	taken, err := fill(c)
	if !errors.Is(err, ErrNoSpace) {
		return fmt.Errorf("filling ends with %w", err)
	}
	for _, reopened := range []bool{false, true} {
		all, err := c.All()
		if err != nil || len(all) != len(taken) || len(taken) < 5 {
			return fmt.Errorf("reopened %v: %d of %d are there: %w", reopened, len(all), len(taken), err)
		}
		if reopened {
			fmt.Println("ok")
			return s.Close()
		}
		if err := s.Close(); err != nil {
			return err
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=8m"); err != nil {
			return err
		}
		if s, err = Open(path, Options{}); err != nil {
			return err
		}
		if c, err = OpenCollection(s, things); err != nil {
			return err
		}
	}
	return nil
}

func TestFullDisk(t *testing.T) {
	cmd, out := childCommand(t, "full", filePath(t))
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	if err := cmd.Start(); err != nil {
		t.Skip("no disk of its own can be had here:", err)
	}
	defer cmd.Wait()
	switch out.Scan(); {
	case strings.HasPrefix(out.Text(), "skip"):
		t.Skip("no disk of its own can be had here:", out.Text())
	case out.Text() != "ok":
		t.Error(out.Text())
	}
}
