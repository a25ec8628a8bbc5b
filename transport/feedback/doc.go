// Package feedback reads and writes the RTCP messages with which who sees a picture tells
// who sends it what is missing and what it can take: PLI (RFC 4585), FIR, TMMBR and TMMBN
// (RFC 5104), REMB (draft-alvestrand-rmcat-remb-03) and transport-wide feedback
// (draft-holmer-rmcat-transport-wide-cc-extensions-01). Lists of lost packets are in
// transport/repair.
//
// It is pure: no socket, no clock, no state but the caller's. Writers append to the caller's
// buffer, readers yield views into what they are given; neither allocates if the buffer has
// the capacity. Any goroutine may call anything.
package feedback
