//go:build race

package transport

// raceEnabled: the race detector allocates, and has pools forget.
const raceEnabled = true
