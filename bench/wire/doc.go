//go:build linux

// Package wire is what the floor and the load generator have in common: UDP sockets used
// by raw, non-blocking system calls, absolute sleeping, and the RTP header.
package wire
