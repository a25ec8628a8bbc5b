// Package control is the RTCP side of a group that is sent to: it reports to the group on
// scaled timers (RFC 3550 section 6.2), tells receivers how many they are (RFC 5760), takes
// their feedback by unicast and, in a group that anyone may send to, from the group, keeps an
// estimate of the audience, and retransmits what they lost (RFC 4585, RFC 4588).
//
// A Control has one goroutine, which waits on the feedback target until something comes or
// is due, and one more where RTCP is heard from the group. The media thread knows nothing of
// it: it publishes what it sent, and a ring of packets.
//
// # How many listen
//
// Receivers report as rarely as the group is large, by the size that RSI tells. While it
// grows fast, as when a lecture begins, each doubling is told at once, 20 ms apart at most,
// so that those who have not reported yet hold back; between doublings the timer rules. Up to
// 16,384 receivers are followed one by one, beyond that a random sample by SSRC that stands
// for all (as in RFC 2762).
//
// # Repair
//
// A request is held for 10 ms. If three listeners or more ask for a packet meanwhile, it goes
// to the group, once, else to those who asked. Who asks again within 8 ms of the answer
// is passed over. Retransmissions have an SSRC of their own, which changes every 32,767
// packets.
//
// # Key frames
//
// Of a stream of pictures listeners may ask for a key frame (PLI, FIR), without a token, since
// nothing is sent to them for it. Who bounds what comes of it is stream.Pictures.
//
// # What strangers can do
//
// Feedback is unauthenticated, or authentic under a key that every listener holds, so any of
// it may be a lie. It changes estimates, for hours at most, and nothing else but
// retransmissions to the group within their share of the bandwidth. Nothing is retransmitted
// to an address that has not shown a token which was sent there (RFC 6284). Datagrams are
// taken at a bounded rate; what comes faster is left to the kernel to drop, and counted.
// Every table is bounded.
package control
