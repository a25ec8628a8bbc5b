//go:build linux

// Package floor is the smallest correct mixer: what any conference server must do at
// least for each caller, and nothing else. One thread; a connected socket per leg; one raw
// non-blocking receive and one send per leg and tick of 20 ms; the K loudest are mixed in
// int32; each of them hears the mix less itself, everyone else shares one encoded mix. A
// process has one room or several, which its thread ticks one behind the other.
//
// It has no SIP, no RTCP, no jitter buffer and no concealment: it is the yardstick for the
// processor time of a server that has them.
package floor
