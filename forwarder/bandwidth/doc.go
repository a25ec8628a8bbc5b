// Package bandwidth estimates what can be sent to a subscriber, and from that what a source
// is to be asked for. It is pure: no socket, no clock (time is handed in, in nanoseconds of one
// monotonic clock), no allocation in steady state. An Estimator and a Limit belong to one
// worker.
//
// # Estimator
//
// It follows Google's congestion control as draft-ietf-rmcat-gcc-02 describes it, at the
// sender, with what the peer gives:
//
//	transport-cc      when each packet arrived (draft-holmer-rmcat-transport-wide-cc-
//	                  extensions-01): the trend of the one-way delay shows a queue that
//	                  builds up (sections 5.2 to 5.4, with the trendline in place of the
//	                  Kalman filter), additive increase and multiplicative decrease follow
//	                  (section 5.5); and the share that did not arrive (section 6)
//	receiver reports  loss and round trip (RFC 3550 section 6.4): the loss-based controller of
//	                  section 6; a round trip well above the least of the last half minute is
//	                  a queue, if it lasts, for those that give no better sign of it
//	REMB              the receiver's own estimate (draft-alvestrand-rmcat-remb-03)
//	TMMBR, b=TIAS     what it wants at most (RFC 5104 section 4.2.1, RFC 3890)
//
// The smallest counts. Where it stands is given with its Reason.
//
// What was sent is all that is known about a path: a source of 300 kbit/s proves nothing about
// 5 Mbit/s. So no estimate rises above 1.5 times of what was sent of late, and 100 kbit/s, which
// leaves room for the next layer. It is not lowered for that: a still picture is no loss.
//
// It falls at once and rises by at most a half in a second, so that layers do not flap. Where
// packets get lost and no delay tells why, because the queue has been full from the beginning,
// less is sent for four seconds: if that does not help, the loss is the path's own and is put
// up with, up to 10 %.
//
// # What a hostile peer can do
//
// Feedback is what the peer says. Whatever it says, the estimate stays between floor and
// ceiling, no rate that it claims exceeds what was sent, and its cost is bounded by its size.
// A peer that lies gets a worse picture, or overloads its own line.
package bandwidth
