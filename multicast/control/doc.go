// Package control is the RTCP side of a group that is sent to: it reports to the group on
// scaled timers (RFC 3550 section 6.2), tells receivers how many they are (RFC 5760), takes
// their feedback by unicast and, in a group that anyone may send to, from the group, keeps an
// estimate of the audience, and retransmits what they lost (RFC 4585, RFC 4588).
//
// A Control has one goroutine, which waits on the feedback target until something comes or is
// due, and one more for RTCP on the group. It has nothing to do with the media thread but what that
// publishes.
//
// # What strangers can do
//
// Feedback is unauthenticated, or authentic under a key that every listener holds, so any of it
// may be a lie. It changes estimates, and nothing else: not what is sent to the group's RTP
// port, but for retransmissions within their share of the bandwidth. Nothing is retransmitted to an address that
// has not shown a token which was sent there (RFC 6284). Datagrams are taken at a bounded rate;
// what comes faster is left to the kernel to drop, and counted. Every table is bounded.
package control
