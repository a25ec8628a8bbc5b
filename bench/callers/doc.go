//go:build linux

// Package callers is a load of synthetic phones for a conference server on the same
// machine: some talk, the others are silent, each sends a packet every 20 ms at a phase of
// its own. It counts what comes back and, with marks in the talkers' sound, times how long
// a sample takes through the server.
package callers
