//go:build !linux

package clock

import "time"

// SleepUntil blocks the calling goroutine until Now reaches t.
func SleepUntil(t int64) {
	if left := t - Now(); left > 0 {
		time.Sleep(time.Duration(left))
	}
}

// SleepKeeping is SleepUntil.
func SleepKeeping(t int64) { SleepUntil(t) }
