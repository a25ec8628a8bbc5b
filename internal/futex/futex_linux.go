package futex

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Operations of futex(2), on words that no other process sees.
const (
	waitPrivate = 0 | 128
	wakePrivate = 1 | 128
)

// Wait blocks the calling thread until Wake is called for word, at once not if word no longer
// has that value. It may also return for no reason: callers look at word again.
func Wait(word *atomic.Uint32, value uint32) {
	// EAGAIN and EINTR are reasons to look at the word again.
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), waitPrivate, uintptr(value), 0, 0, 0)
}

// Wake lets up to n threads go that wait for word. It does not block.
func Wake(word *atomic.Uint32, n int) {
	_, _, _ = unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), wakePrivate, uintptr(n), 0, 0, 0)
}
