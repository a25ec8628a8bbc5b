// Package transport carries RTP between the mixer's tick and the network: port pairs, legs
// on sockets of their own, latching, SRTP, RTCP and reception statistics.
//
// A leg has one owner, the goroutine that ticks its conference. Nothing in it starts a
// goroutine, arms a timer, takes a lock or blocks: at each tick Poll drains the leg's
// socket and looks at the clock for RTCP, and Send writes one packet. A video leg is polled
// when a Poller says that its sockets are readable, and sends whole pictures.
//
// Directions are the server's: ingress is what a participant sends, egress what it gets.
package transport
