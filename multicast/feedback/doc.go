// Package feedback is RTCP between a group's one sender and its many receivers: the wire
// formats that pion/rtcp lacks, and the arithmetic of when to report.
//
//   - Receiver summary information, RSI (RFC 5760 section 7.1): what the sender tells the
//     group about itself, so that receivers who report by unicast know how many they are.
//   - Port mapping tokens (RFC 6284): proof that a receiver gets what is sent to its address,
//     without which nothing is retransmitted to it.
//   - When to report (RFC 3550 sections 6.2, 6.3 and A.7; RFC 3556): by the size of the group.
//   - Reading of compound packets within bounds (RFC 3550 section 6.1, RFC 5506).
//
// Everything is pure: time and chance are given. Readers yield views into what they are
// given. A value has one user at a time.
package feedback
