//go:build !linux

package main

// loadCommands are none: the load generator needs Linux.
type loadCommands struct{}
