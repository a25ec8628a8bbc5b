//go:build linux

// Package measure reads what a benchmark reports: the processor time of a process, order
// statistics, what a server tells of itself, and the name of the machine.
package measure
