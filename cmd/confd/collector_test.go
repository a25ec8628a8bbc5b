package main

import (
	"runtime"
	"testing"
)

var kept []byte

// collectionsOf returns how many collections it takes to make and drop so many bytes.
func collectionsOf(garbage int) uint32 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range garbage >> 16 {
		kept = make([]byte, 1<<16)
	}
	runtime.ReadMemStats(&after)
	return after.NumGC - before.NumGC
}

func TestCollectionsAreSpaced(t *testing.T) {
	runtime.GC()
	without := collectionsOf(256 << 20)
	stop := spaceCollections(64 << 20)
	runtime.GC() // the cleanup of a collection sees the heap as it is
	with := collectionsOf(256 << 20)
	stop()
	if with > 6 || without <= with {
		t.Errorf("%d collections of 256 MB of garbage at 64 MB each, and %d before", with, without)
	}
	runtime.GC()
	if again := collectionsOf(256 << 20); again <= with {
		t.Errorf("%d collections once that has ended, and %d before that", again, with)
	}
}
