// Package media is the vocabulary that control and media share: packets, formats,
// levels, and the three roles that everything alive plays (source, sink, tap).
// Nothing in it is alive: no goroutine, no socket, no clock.
//
// Directions are the server's: ingress is what a participant sends, egress what it gets.
// Times are nanoseconds: on the monotonic clock where they say when something happened,
// on the engine's media timeline where they say where sound belongs.
package media
