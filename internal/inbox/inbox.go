// Package inbox is a queue from control to a media thread: any goroutine adds, one thread
// takes, neither waits for the other.
package inbox

import (
	"slices"
	"sync/atomic"
)

// Inbox is a list that any goroutine adds to and one worker empties. There is no lock in
// it: who adds may lose its processor at any point, for as long as the machine is busy, and
// a tick must not wait for that. The zero value is empty.
type Inbox[T any] struct{ newest atomic.Pointer[entry[T]] }

type entry[T any] struct {
	item   T
	before *entry[T]
}

// Add puts an item behind the others. Any goroutine may call it.
func (b *Inbox[T]) Add(item T) {
	e := &entry[T]{item: item}
	for {
		e.before = b.newest.Load()
		if b.newest.CompareAndSwap(e.before, e) {
			return
		}
	}
}

// Empty tells whether nothing waits. Any goroutine may call it.
func (b *Inbox[T]) Empty() bool { return b.newest.Load() == nil }

// Take empties the inbox to the end of to, in the order in which things were added. The
// worker calls it.
func (b *Inbox[T]) Take(to []T) []T {
	if b.Empty() {
		return to
	}
	n := len(to)
	for e := b.newest.Swap(nil); e != nil; e = e.before {
		to = append(to, e.item)
	}
	slices.Reverse(to[n:])
	return to
}
