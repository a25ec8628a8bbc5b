//go:build linux

// Package measure reads what a benchmark reports: the processor time of a process, order
// statistics, the level of a tone, and the name of the machine.
package measure
