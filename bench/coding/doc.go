//go:build linux

// Package coding is the speech coding of the floor and of the load generator: G.711 µ-law
// by table, and Opus with its parameters spelled out. It is deliberately not confd's own.
package coding
