// Package calls is the SIP side of a load: thousands of callers against any server, over UDP
// or TCP, without media. It says to the owner of the media where the server takes it.
//
// An Agent has a few lines: a UDP socket or a TCP connection each, with one goroutine that
// reads it and handles messages in the order in which they arrive. Requests that wait for
// a response have a timer; calls that are up have neither goroutine nor timer, unless the
// server wants a session timer. Nothing here is shared with the server under test, so that a
// mistake of its parser or its transactions is not made here, too.
//
// A call that does not come about is a Failure with a Cause: a busy phone, a server that
// is silent, one that is not there (which ICMP tells), an answer that takes none of our
// codecs, and so on. Within a call, the agent does what a phone does: it answers offers,
// refreshes sessions (RFC 4028), proves itself again, acknowledges again.
//
// Not done: reliable provisional responses (RFC 3262), which no server may then demand of
// us; redirection, which would load another server than was asked for; TLS; DNS beyond host
// names.
package calls
