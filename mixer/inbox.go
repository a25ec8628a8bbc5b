package mixer

import (
	"slices"
	"sync/atomic"
)

// inbox is a list that any goroutine adds to and one worker empties. There is no lock in
// it: who adds may lose its processor at any point, for as long as the machine is busy, and
// a tick must not wait for that.
type inbox[T any] struct{ newest atomic.Pointer[entry[T]] }

type entry[T any] struct {
	item   T
	before *entry[T]
}

func (b *inbox[T]) add(item T) {
	e := &entry[T]{item: item}
	for {
		e.before = b.newest.Load()
		if b.newest.CompareAndSwap(e.before, e) {
			return
		}
	}
}

func (b *inbox[T]) empty() bool { return b.newest.Load() == nil }

// take empties the inbox to the end of to, in the order in which things were added.
func (b *inbox[T]) take(to []T) []T {
	if b.empty() {
		return to
	}
	n := len(to)
	for e := b.newest.Swap(nil); e != nil; e = e.before {
		to = append(to, e.item)
	}
	slices.Reverse(to[n:])
	return to
}
