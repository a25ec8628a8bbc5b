// Package leak finds what a test leaves behind in its own process: goroutines and open
// descriptors.
package leak

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Snapshot is what existed at one moment.
type Snapshot struct {
	goroutines  map[string]string // header number -> stack
	descriptors map[string]string // number -> what it is
}

// Take returns what exists now.
func Take() *Snapshot {
	return &Snapshot{goroutines: goroutines(), descriptors: descriptors()}
}

// Check takes a snapshot and, when the test and its other later-registered cleanups are
// over, fails the test if more than that is still there five seconds on. It does not suit
// tests that run in parallel with others.
func Check(tb testing.TB) {
	tb.Helper()
	before := Take()
	tb.Cleanup(func() {
		if err := before.Wait(5 * time.Second); err != nil && !tb.Failed() {
			tb.Error(err)
		}
	})
}

// Wait returns nil as soon as nothing exists that s does not know, or after the limit an
// error with the stacks and descriptors that are too many.
func (s *Snapshot) Wait(limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for {
		err := s.extra()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (s *Snapshot) extra() error {
	var faults []error
	now := Take()
	for id, stack := range now.goroutines {
		if _, known := s.goroutines[id]; !known {
			faults = append(faults, errors.New(stack))
		}
	}
	for fd, what := range now.descriptors {
		if was, known := s.descriptors[fd]; !known || was != what {
			faults = append(faults, fmt.Errorf("descriptor %s: %s", fd, what))
		}
	}
	if faults == nil {
		return nil
	}
	return fmt.Errorf("left behind:\n%w", errors.Join(faults...))
}

// goroutines returns every goroutine but the caller and those of the runtime and the
// testing package.
func goroutines() map[string]string {
	buf := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	found := map[string]string{}
	for i, stack := range strings.Split(string(buf), "\n\n") {
		if i == 0 || ours(stack) {
			continue
		}
		id, _, _ := strings.Cut(stack, " [")
		found[id] = stack
	}
	return found
}

func ours(stack string) bool {
	for _, f := range []string{
		"testing.(*T).Run(", "testing.(*M).", "testing.tRunner.func", "testing.runTests",
		"os/signal.loop", "runtime.ensureSigM", "testing.runFuzzing", "runtime/pprof.profileWriter",
	} {
		if strings.Contains(stack, f) {
			return true
		}
	}
	return false
}

// descriptors returns the open ones, less those that the runtime opens for itself once.
func descriptors() map[string]string {
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // not Linux: goroutines only
	}
	found := map[string]string{}
	for _, e := range entries {
		what, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err != nil || strings.HasPrefix(what, "anon_inode:[event") || strings.HasSuffix(what, "/fd") {
			continue
		}
		found[e.Name()] = what
	}
	return found
}
