// Package multicast lets a room have an IP multicast group: one stream for any audience.
//
// A Host gives rooms their groups and ports and owns them; a Group is one room's. A Group is
// a media.Sink like any other listener, whose packets one datagram carries to everybody who
// joined. See DESIGN.md for what is where and which goroutine does what.
package multicast
