package futex

import (
	"sync"
	"sync/atomic"
	"testing"
)

// Whoever waits is let go once the word has changed, however the two meet.
func TestWaitersAreWoken(t *testing.T) {
	var word atomic.Uint32
	for round := range uint32(2000) {
		var waiters sync.WaitGroup
		for range 3 {
			waiters.Go(func() {
				for word.Load() == round {
					Wait(&word, round)
				}
			})
		}
		word.Add(1)
		Wake(&word, 3)
		waiters.Wait()
	}
}

func TestNobodyWaitsForAnotherValue(*testing.T) {
	var word atomic.Uint32
	Wait(&word, 1)
}

func TestWakeAllocatesNothing(t *testing.T) {
	var word atomic.Uint32
	if n := testing.AllocsPerRun(100, func() { Wake(&word, 1); Wait(&word, 1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
