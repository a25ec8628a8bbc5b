//go:build linux

// Package multicast measures what an audience costs a server over unicast and over a
// multicast group: a network of hosts in namespaces, in each a listener of one room with
// three talkers, first by a call of its own, then by the room's group. It reads the
// server's network interface and processor time, how well each host hears, and what the
// feedback of all takes, with a crowd of ten thousand simulated receivers at the end.
//
// The server has a processor apart where there are two, and what its packets cause in the
// switch and in the hosts is done by the other: in a real network that is not the server's
// work either. Beside it runs a second server whose group has one listener all the time:
// the ratio of the two is what can be compared between numbers of hosts.
package multicast
