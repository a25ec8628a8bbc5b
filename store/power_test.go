package store

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

const sector = 512

// state is a store's file after a commit, with what it held.
type state struct {
	data []byte
	docs map[string]int
}

// states makes some commits and returns the file after each.
func states(t *testing.T, n int) (all []state) {
	t.Helper()
	path := filePath(t)
	s := openAt(t, path, Options{})
	c := collectionOf(t, s)
	for i := range n {
		key := fmt.Sprint("key ", rand.IntN(30))
		if err := c.Put(key, thing{i, strings.Repeat("x", rand.IntN(2000))}); err != nil {
			t.Fatal(err)
		}
		if err := c.Delete(fmt.Sprint("key ", rand.IntN(30))); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, state{data, contents(t, c)})
		mustPut(t, c, "last", i)
		if data, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
		all = append(all, state{data, contents(t, c)})
	}
	return all
}

// reopen returns what a store with such a file holds.
func reopen(t *testing.T, data []byte) (map[string]int, error) {
	t.Helper()
	path := filePath(t)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path, Options{})
	if err != nil {
		return nil, err
	}
	defer closeNow(t, s)
	return contents(t, collectionOf(t, s)), nil
}

// The power goes in the midst of a commit, of whose sectors any may have been written: the
// pages before their fsync, then the one of two meta pages that is next.
func TestPowerCutWithinACommit(t *testing.T) {
	all := states(t, 12)
	page := os.Getpagesize()
	for i := 0; i+1 < len(all); i += 2 { // from one commit to the very next
		before, after := all[i], all[i+1]
		cut := make([]byte, len(after.data)) // a grown file has grown
		copy(cut, before.data)
		for at := 2 * page; at < len(cut); at += sector {
			if rand.IntN(2) == 0 {
				copy(cut[at:at+sector], after.data[at:])
			}
		}
		if got, err := reopen(t, cut); err != nil || !maps.Equal(got, before.docs) {
			t.Fatalf("commit %d, before the meta page: %v, %v; want %v", i, err, got, before.docs)
		}
		copy(cut[2*page:], after.data[2*page:])
		for _, torn := range []int{1, 30, 60, 70, 79, sector} { // bytes of the meta pages that made it
			copy(cut, before.data[:2*page])
			for _, meta := range []int{0, page} {
				copy(cut[meta:meta+torn], after.data[meta:])
			}
			got, err := reopen(t, cut)
			if err != nil || !maps.Equal(got, before.docs) && !maps.Equal(got, after.docs) {
				t.Fatalf("commit %d, %d bytes of the meta page: %v, %v; want %v or %v", i, torn, err, got, before.docs, after.docs)
			}
		}
	}
}

// A file cut short anywhere is whole or an error.
func TestCutOffCopies(t *testing.T) {
	all := states(t, 10)
	whole := all[len(all)-1]
	passed := 0
	for size := 0; size <= len(whole.data); size += sector {
		got, err := reopen(t, bytes.Clone(whole.data[:size]))
		switch {
		case err == nil && maps.Equal(got, whole.docs):
			passed++
		case !errors.Is(err, ErrCorrupt):
			t.Errorf("%d of %d bytes: %v, %v", size, len(whole.data), err, got)
		}
	}
	if passed == 0 {
		t.Error("not even the whole file opens")
	}
}

// Any sector filled with zeros, as disks leave them, is noticed or does not matter.
func TestLostSectors(t *testing.T) {
	all := states(t, 10)
	whole := all[len(all)-1]
	for at := 0; at < len(whole.data); at += sector {
		data := bytes.Clone(whole.data)
		clear(data[at : at+sector])
		got, err := reopen(t, data)
		if err == nil && !maps.Equal(got, whole.docs) && at >= 2*os.Getpagesize() {
			t.Errorf("sector at %d: opens with %v, want %v or an error", at, got, whole.docs)
		}
		if err != nil && !errors.Is(err, ErrCorrupt) {
			t.Errorf("sector at %d: %v", at, err)
		}
	}
}
