// Package clock reads the monotonic clock as plain nanoseconds, the one scale on which
// packet arrivals and ticks are compared.
package clock

import "time"

var start = time.Now()

// base makes Now non-zero from the start and close to the system's own monotonic scale.
const base = int64(time.Second)

// Now returns monotonic nanoseconds since about the start of the process. It is cheap
// (a vDSO call) and allocates nothing. Any goroutine may call it.
func Now() int64 { return int64(time.Since(start)) + base }
