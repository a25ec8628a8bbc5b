// Package egress is one line's way out: it makes one unbroken stream of the pictures that a
// line is to be shown, whichever sources and encodings they come from, and lets no picture
// out that could not be decoded.
//
// A Subscription is told what to show (switch.go), chooses encoding and layers by what its
// receiver can take (selector.go, budget.go), writes sequence numbers, timestamps and picture
// ids anew (rewrite.go), spreads big pictures in time (pacer.go, send.go), remembers what
// left as references into the ingress ring and answers requests for retransmission from it
// (history.go). Nothing is copied: what waits and what is remembered are ring positions.
//
// It is pure: no socket, lock, timer or goroutine; time is handed in, as nanoseconds of the
// clock of transport.VideoPacket.Arrival, and never goes backwards. A Subscription is owned
// by one worker, the one that owns the streams that it shows; nothing here allocates once
// New has returned.
package egress
