// Package load places calls into the rooms of any SIP conference server and tells what
// every caller heard.
//
//	fleet    the callers' media: sockets, threads, what is said and what is heard
//	signal   what a talker says, and how an ear judges what it hears
//	video    pictures, prepared and marked, and how single ones are judged
//	cameras  the callers' video: what they show, and what they get to see
//	sight    whom they should have seen
//	calls    the callers' SIP
//	audience listeners of a multicast group, beside the callers or alone
//	machine  what the server uses
//	report   what came of it: JSON, text, a page with plots; bounds and their verdict
//
// A run goes through these stages, in this order, in Run:
//
//	prepare  render and encode what is said, open the callers' sockets   fleet.New
//	join     place the calls, whether or not others are answered         join.go
//	settle   wait for what joins disturb to pass
//	measure  a window in which nobody joins or leaves                    measure.go
//	(a ramp goes back to join with more callers)                         ramp.go
//	leave    end the calls
//
// Caller i is in room i modulo their number. The first of each room talk, the others are
// silent, so that any first so many callers are a smaller load of the same kind.
package load
