// Package yield lets a goroutine go through the scheduler without waking other threads.
package yield

import _ "unsafe" // for go:linkname

// Now puts the goroutine behind those that wait for this thread's processor, and lets them run first.
// runtime.Gosched does so by a queue that all processors share, and wakes a thread to look into it:
// that costs some 50 µs, and at times it is that thread which takes the goroutine along, away from
// what it has in its caches. The name is among those that the runtime keeps
// for programs which link to them (go.dev/issue/67401).
//
//go:linkname Now runtime.goyield
func Now()
