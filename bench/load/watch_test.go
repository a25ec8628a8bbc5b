//go:build linux

package load

import (
	"slices"
	"testing"
)

// Who watches is told a note once, the report has all.
func TestNotesAreKept(t *testing.T) {
	w := &watcher{}
	w.note("one")
	if got := w.news(); !slices.Equal(got, []string{"one"}) {
		t.Errorf("first: %q", got)
	}
	w.note("two")
	if got := w.news(); !slices.Equal(got, []string{"two"}) || len(w.news()) != 0 {
		t.Errorf("then: %q", got)
	}
	if !slices.Equal(w.notes, []string{"one", "two"}) {
		t.Errorf("in all: %q", w.notes)
	}
}
