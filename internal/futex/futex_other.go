//go:build !linux

package futex

import (
	"sync"
	"sync/atomic"
)

var (
	mu   sync.Mutex
	woke = sync.NewCond(&mu)
)

// Wait blocks the caller until Wake is called, at once not if word no longer has that value.
// It may also return for no reason: callers look at word again.
func Wait(word *atomic.Uint32, value uint32) {
	mu.Lock()
	defer mu.Unlock()
	if word.Load() == value {
		woke.Wait()
	}
}

// Wake lets all go that wait.
func Wake(*atomic.Uint32, int) {
	mu.Lock()
	defer mu.Unlock()
	woke.Broadcast()
}
