// Package focus is the SIP side of a conference: the user agent that callers dial, and that
// dials out for its rooms (RFC 3261, RFC 4579).
//
// sipgo parses, keeps transactions and moves messages; everything above is here: the
// dialog table, the order of requests within a dialog, the resending of a 200 until its
// ACK, session timers, probes, offer and answer glue.
//
// The way of a call:
//
//	listen.go    a socket, wrapped by the guard, hands messages to sipgo
//	dispatch.go  a request arrives on a goroutine of its own, is validated, finds its dialog
//	invite.go    admission, room name, body, session timer; then
//	media.go     port pair, negotiation, join to the room; video.go: a pair for each video line
//	ack.go       the 200 is resent until the ACK; without one the call ends
//	reinvite.go  re-INVITE and UPDATE change it; info.go and options.go ask and tell
//	negotiate.go offers of ours within the call: video_change.go has another video format,
//	video_info.go asks for key frames, and is asked
//	timer.go     refreshes, or expiry; liveness.go probes who has fallen silent
//	multicast.go its room's multicast group, for who listens to that; deliver.go moves it there
//	             and back, report.go brings back whom the group does not reach
//	end.go       BYE from either side; the room is left, then the ports are given back
//
// The way of a call that the server makes:
//
//	dial.go         limits (dials.go), then a goroutine that runs it until it is answered
//	dial_plan.go    whom (dial_target.go), as whom, by way of what, with which headers
//	dial_hops.go    DNS, our socket for the way; stream.go: connections, read by the guard
//	dial_invite.go  INVITE, provisional responses, CANCEL; dial_auth.go: challenges
//	dial_answer.go  early dialogs, the one that wins, those that lose
//	outcome.go      what a refusal means to the room
//
// From its 2xx on, its dialog is as one that a caller began.
//
// Each dialog has a mutex. Whoever holds it (a request, a timer, a verb of the room) has
// the dialog to itself; nothing of a dialog runs while nothing happens to it. Locks nest
// in one order only: dialog, then table; sipgo's callbacks take neither.
package focus
