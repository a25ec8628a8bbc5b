//go:build linux

package main

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/bench/trial"
	"github.com/confd/confd/bench/wire"
)

// Burners work in short turns, and what they are to use is judged anew now and then.
const (
	burnTurn  = int64(7 * time.Millisecond)
	burnJudge = 400 * time.Millisecond
)

// burn uses what all others leave unused of a share of the whole machine, 0 to 1, until ctx
// ends: a thread for each processor, to which everything else goes before, is at work for a
// part of each turn and sleeps for the rest.
func burn(ctx context.Context, share float64) {
	var duty atomic.Int64 // ns of a turn
	var threads sync.WaitGroup
	for range runtime.NumCPU() {
		threads.Go(func() {
			runtime.LockOSThread() // never unlocked: the thread ends with its priority
			idle := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: 19}
			if unix.SchedSetAttr(0, &idle, 0) != nil {
				return // without it, it would compete
			}
			for ctx.Err() == nil {
				due := wire.Monotonic() + burnTurn
				for enough := wire.ThreadCPU() + time.Duration(duty.Load()); wire.ThreadCPU() < enough && wire.Monotonic() < due; {
				}
				wire.SleepUntil(due)
			}
		})
	}
	defer threads.Wait()
	missing := 0.0
	for ctx.Err() == nil {
		before, err := measure.StealSoFar()
		if err != nil || trial.Wait(ctx, burnJudge) != nil {
			return
		}
		now, err := measure.StealSoFar()
		if err != nil {
			return
		}
		missing = min(max(missing+(share-now.BusySince(before))/2, 0), share)
		duty.Store(int64(missing * float64(burnTurn)))
	}
}
