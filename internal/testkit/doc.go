// Package testkit holds what tests of a conference need: tones that can be told apart
// (tone), sound files (wav), a network that loses and delays (netsim), a check that nothing
// is left behind (leak), files of what is wanted (golden), confd's own program (program), a
// SIP phone as a library (phone), a SIP peer that sends back what it hears (echo), cameras
// with a check of what becomes of their streams (pictures), files of recorded video (film),
// and a way to wait for what tells nobody (wait).
//
// Nothing but tests and measuring programs imports it. The phone shares no SIP, SDP, RTP
// or G.711 code with the server that it calls, so that a mistake cannot cancel itself out.
package testkit
