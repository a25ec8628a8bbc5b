// Package socket opens the UDP sockets of a multicast group: one that sends to it without
// ever blocking, and one that hears it and nothing else.
//
// IPv4 and IPv6, any source (RFC 1112, RFC 2710) and source specific (RFC 4607), on an
// interface by name or by the route to the group. A Receiver holds one membership, since
// Linux allows a socket 20 of them, and takes it anew when its interface was away or has
// changed its addresses. Groups of IPv6 need an interface other than the loopback one, over
// which Linux sends none of their packets.
package socket
