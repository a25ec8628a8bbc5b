package main

import (
	"runtime"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/wait"
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

func TestLull(t *testing.T) {
	const MB = 1 << 20
	for name, c := range map[string]struct {
		rates []uint64 // bytes between looks
		live  uint64
		given int // looks after which memory was given back, 0 for never
	}{
		"calm after a storm":             {rates: []uint64{lullRate + 1, 4 * MB, 0, 0, 0, 0, 0, 0, 0}, given: 1 + lullLooks},
		"a storm that goes on":           {rates: []uint64{40 * MB, 0, 0, 0, 0, 0, 0, lullRate + 1, 0, 0, 0, 0, 0, 0}},
		"as much as a lull has":          {rates: []uint64{lullRate, lullRate, 0, 0, 0, 0, 0}, given: lullLooks},
		"not worth it":                   {rates: []uint64{4 * MB, 4*MB - 1, 0, 0, 0, 0, 0, 0, 0}},
		"just worth it":                  {rates: []uint64{4 * MB, 4 * MB, 0, 0, 0, 0, 0}, given: lullLooks},
		"not worth it when much is kept": {rates: []uint64{20 * MB, 0, 0, 0, 0, 0, 0, 0, 0}, live: 81 * MB},
	} {
		l, allocated, given := lull{}, uint64(0), 0
		for i, rate := range c.rates {
			if allocated += rate; l.look(allocated, c.live) {
				given = i + 1
			}
		}
		if given != c.given {
			t.Errorf("%s: given back after %d looks, want %d", name, given, c.given)
		}
	}
}

func TestLullsAreApart(t *testing.T) {
	var l lull
	allocated, looks := uint64(0), []int(nil)
	for i := range 3 * lullLooks {
		if allocated += lullRate; l.look(allocated, 0) {
			looks = append(looks, i+1)
		}
	}
	if len(looks) != 3 || looks[0] != lullLooks || looks[2] != 3*lullLooks {
		t.Errorf("given back after %v looks", looks)
	}
}

func TestMemoryIsGivenBackInALull(t *testing.T) {
	defer spaceCollections(1 << 30)()
	collectionsOf(64 << 20)
	before := gauge("/memory/classes/heap/released:bytes")
	defer collectInLulls(time.Millisecond)()
	wait.For(t, "half of 64 MB of garbage to be given back", func() bool {
		return gauge("/memory/classes/heap/released:bytes") >= before+32<<20
	})
}

// What the runtime aims at is as far away as was asked for, however small the heap is.
func TestSpacingOfASmallHeap(t *testing.T) {
	runtime.GC()
	defer spaceCollections(64 << 20)()
	runtime.GC()
	goal := func() uint64 { return gauge("/gc/heap/goal:bytes") }
	wait.For(t, "the next collection at 64 MB and what is kept", // the cleanup of the last one sees the heap as it is
		func() bool { return goal() <= 80<<20 }, func() any { return goal() >> 20 })
}
