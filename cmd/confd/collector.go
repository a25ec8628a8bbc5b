package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"
)

// minGarbage is how much is allocated, at least, from one garbage collection to the next,
// bytes, unless there is a lull. Each collection stops the whole program twice, and a stop
// waits for all threads that the machine has taken the processor from: on a busy one, for
// longer than a tick may be late. A conference server keeps little alive, so that without
// this every few thousand requests to the API would cause one.
const minGarbage = 128 << 20

// usualGrowth is GOGC's own default: how much a heap grows between collections, percent.
const usualGrowth = 100

// leastHeap is what the runtime takes a heap for that is smaller, bytes.
const leastHeap = 4 << 20

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
	growth := max(usualGrowth, int(s.garbage*100/max(gauge("/gc/heap/live:bytes"), leastHeap)))
	if growth*4 < s.growth*3 || growth*4 > s.growth*5 { // to set it stops the program, too
		s.growth = growth
		debug.SetGCPercent(growth)
	}
	runtime.AddCleanup(new([64]byte), (*spacing).adapt, s)
}

// gauge reads one of the runtime's figures.
func gauge(name string) uint64 {
	one := []metrics.Sample{{Name: name}}
	metrics.Read(one)
	return one[0].Value.Uint64()
}

// What makes a lull. It is longer than SIP remembers a request (32 s), so that the memory of
// a storm of calls goes at once.
const (
	lookEvery = 5 * time.Second
	lullLooks = 7        // in a row
	lullRate  = 10 << 20 // bytes that are allocated between two looks, at most
	lullWorth = 8 << 20  // bytes that were allocated since the last lull, at least
)

// lull finds the time to give memory back: little is allocated, but much was.
type lull struct {
	seen  uint64 // allocated in all, when it last looked
	given uint64 // the same, when memory was last given back
	calm  int    // looks in a row
}

// look is told how much has been allocated in all and how much is alive, bytes, and whether
// memory should be given back now.
func (l *lull) look(allocated, live uint64) bool {
	rate := allocated - l.seen
	l.seen = allocated
	if rate > lullRate {
		l.calm = 0
		return false
	}
	l.calm++
	if l.calm < lullLooks || allocated-l.given < max(lullWorth, live/4) {
		return false
	}
	l.calm, l.given = 0, allocated
	return true
}

// collectInLulls has what a storm has left collected and given back to the system once it is
// over, until stop is called. The runtime by itself would keep as much as it may use.
func collectInLulls(every time.Duration) (stop func()) {
	end := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		var l lull
		for {
			select {
			case <-ticker.C:
			case <-end:
				return
			}
			if l.look(gauge("/gc/heap/allocs:bytes"), gauge("/gc/heap/live:bytes")) {
				debug.FreeOSMemory()
			}
		}
	})
	return func() {
		close(end)
		ended.Wait()
	}
}
