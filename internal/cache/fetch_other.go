//go:build !amd64

package cache

// Line is what is fetched at once, bytes.
const Line = 64

func fetch[T any](*T, uintptr) {}
