// Package player makes a source of a sound: what is decoded elsewhere is handed to a mixer
// in packets, at the pace of its ticks, as if someone spoke them.
//
// A Player has two sides. Its reader, one goroutine, decodes ahead into a ring of about a
// second. The media thread takes from the ring what is due; it never waits, allocates,
// locks or wakes anyone. The reader looks after the ring by its own timer.
package player
