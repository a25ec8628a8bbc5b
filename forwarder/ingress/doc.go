// Package ingress takes one encoding of one video source in: it keeps its packets in a ring,
// puts pictures together, says what to have retransmitted and what to give up, and remembers
// what later subscribers need. It is pure: no socket, no clock (time is handed in, in
// nanoseconds of the monotonic clock that stamps arrivals), no goroutine. A Stream belongs to
// one worker, and in steady state nothing allocates.
//
// # Order of calls
//
// After each poll of a line: Put for every packet, then Advance, then Next until it returns
// nil, then Missing. Put may be called some 64 times before Next; whoever waits longer only
// loses what the ring has no room for, which is counted. Due tells when to come back though
// nothing arrives.
//
// # Pictures
//
// A picture ends at its marker (RFC 3550 section 5.1), or, from senders that set none, where
// the timestamp changes. It is handed out once every packet from its first to its last is
// there, in the order of sequence numbers, which is decode order (RFC 6184 section 5.5, RFC
// 7741, RFC 9628 section 4). All spatial layers of one sampling instant are one picture.
// Where a picture begins after a hole only the payload can tell (payload.Info.Begin).
// H.264 and H.265 parameter sets that come ahead in packets of their own, even under a marker
// or a timestamp of theirs, belong to the picture that follows.
//
// RASL pictures of H.265, which need what was before the last key frame, are left out, since
// there is always somebody who has just come: see splice.
//
// # Loss
//
// A gap is asked for once three packets have followed it, or 10 ms passed, again whenever an
// answer is overdue by the round trip, six times at most, no more than MaxOutstanding numbers
// at a time. What is not there after four such intervals (120 to 600 ms; 30 ms where nothing
// can be asked for) is given up: its picture is dropped whole. What follows is undecodable,
// and says so, unless the lost pictures were shown to be ones that it does not need: marked
// discardable, or of a higher temporal layer, with PictureID or TL0PICIDX to show that there
// were no others.
//
// # Memory
//
// Nothing before the first packet, then 32 slots of 1,500 bytes and some 90 of description,
// 51 kB. The ring doubles while what it would overwrite is younger than a second or is still
// needed, up to Config.Packets: with the usual 1,024 slots 1.6 MB, reached above 4 Mbit/s;
// at 1.2 Mbit/s it is 0.2 MB. Losses take 4 kB, parameter sets 3 kB.
package ingress
