package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

// minGarbage is how much is allocated, at least, from one garbage collection to the next,
// bytes. Each collection stops the whole program twice, and a stop waits for all threads that
// the machine has taken the processor from: on a busy one, for longer than a tick may be late.
// A conference server keeps little alive, so that without this every few thousand requests
// to the API would cause one.
const minGarbage = 128 << 20

// usualGrowth is GOGC's own default: how much a heap grows between collections, percent.
const usualGrowth = 100

// spacing keeps collections apart.
type spacing struct {
	garbage uint64
	growth  int // in force
	ended   atomic.Bool
}

// spaceCollections has at least garbage bytes allocated between collections until stop is
// called. A memory limit (GOMEMLIMIT) still holds.
func spaceCollections(garbage uint64) (stop func()) {
	s := &spacing{garbage: garbage, growth: usualGrowth}
	s.adapt()
	return func() {
		s.ended.Store(true)
		debug.SetGCPercent(usualGrowth)
	}
}

// adapt looks at the heap that a collection has left, and comes back after the next one.
func (s *spacing) adapt() {
	if s.ended.Load() {
		return
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	growth := max(usualGrowth, int(s.garbage*100/max(live[0].Value.Uint64(), 1<<20)))
	if growth*4 < s.growth*3 || growth*4 > s.growth*5 { // to set it stops the program, too
		s.growth = growth
		debug.SetGCPercent(growth)
	}
	runtime.AddCleanup(new([64]byte), (*spacing).adapt, s)
}
