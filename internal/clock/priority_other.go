//go:build !linux

package clock

import "errors"

// RealTime asks the kernel to run the calling thread before all ordinary ones; here it
// cannot.
func RealTime() error { return errors.New("real-time priority is asked for on Linux only") }
