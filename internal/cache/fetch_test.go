package cache

import (
	"testing"
	"unsafe"
)

func TestFetchChangesNothingAndFaultsNowhere(t *testing.T) {
	page := make([]byte, 4096)
	for size := range uintptr(300) {
		Fetch(&page[0], size)
	}
	Fetch[int](nil, 1000)
	Fetch((*byte)(unsafe.Add(unsafe.Pointer(&page[0]), 4000)), 1<<20) // far beyond its end
	for i, b := range page {
		if b != 0 {
			t.Fatalf("byte %d is %d", i, b)
		}
	}
}
