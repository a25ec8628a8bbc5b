package rooms

import (
	"testing"
	"time"
)

func TestIDs(t *testing.T) {
	seen := make(map[string]bool)
	at, last := time.Date(2026, 3, 1, 9, 10, 0, 123_456_789, time.UTC), ""
	for range 2000 {
		id := newID(at)
		if began, ok := IDTime(id); !ok || !began.Equal(at.Truncate(time.Millisecond)) {
			t.Fatalf("%s began at %v, %v; want %v", id, began, ok, at)
		}
		if seen[id] || !isID(id) || id[:idHalf] <= last {
			t.Fatalf("%s is seen, or no id, or not after %s", id, last)
		}
		seen[id], last = true, id[:idHalf]
		at = at.Add(time.Millisecond)
	}
	if one, other := newID(at), newID(at); one[:idHalf] != other[:idHalf] || one == other {
		t.Errorf("ids of one moment: %s and %s", one, other)
	}
	for _, bad := range []string{"", "0", last, last + "12345678", last + "1234567890", last + "12345678u", last + "12345678A", "........." + last} {
		if _, ok := IDTime(bad); ok {
			t.Errorf("%q is an id", bad)
		}
	}
}

// Any text is no id, or one that begins with its time.
func FuzzIDTime(f *testing.F) {
	f.Add(newID(time.Now()))
	f.Add("zzzzzzzzzzzzzzzzzz")
	f.Add("000000000000000000")
	f.Fuzz(func(t *testing.T, id string) {
		if began, ok := IDTime(id); ok && newID(began)[:idHalf] != id[:idHalf] {
			t.Errorf("%q begins at %v, which is %s", id, began, newID(began))
		}
	})
}
