// Package phone is a SIP phone as a library: it calls, speaks a tone or any sound, records
// what it hears by RTP timestamp, holds, sends digits, hangs up, and keeps book of every
// oddity in the stream that it got.
//
// Signalling runs over UDP, TCP or TLS with transactions of its own (only the message
// parser is borrowed), media over a pair of UDP sockets, plain or SRTP keyed by SDES. All
// phones of a process share one goroutine for pacing; each has one for SIP and two for
// RTP and RTCP.
//
//	p, err := phone.Dial(ctx, phone.Options{URI: "sip:room@127.0.0.1:5060", Tone: 860})
//	defer p.Close()
//	pcm, err := p.Listen(ctx, time.Second) // the next second, at p.Rate()
package phone
