// Package rooms is the conference: who is in which room, what they may do, and what
// happens to them, told as one ordered stream of events.
//
// A [Registry] holds the rooms by name. Each room is an actor: one goroutine owns its
// state and is parked while nothing happens. Verbs reach it as requests and come back as
// values; it never waits for media, and media never waits for it. A room that a call
// opened ends when its last participant leaves.
//
// The package knows no SIP, no SDP, no HTTP and no socket: a participant is a source, a
// sink, and a [Call] that can be asked to end.
package rooms
