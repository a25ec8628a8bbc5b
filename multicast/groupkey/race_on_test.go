//go:build race

package groupkey

// raceEnabled: the race detector allocates, and has pools forget.
const raceEnabled = true
