package cache

import "unsafe"

// Line is what is fetched at once, bytes.
const Line = 64

//go:noescape
func lines(p unsafe.Pointer, n uintptr)

func fetch[T any](p *T, size uintptr) {
	lines(unsafe.Pointer(p), (size+Line-1)/Line)
}
