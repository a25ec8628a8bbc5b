// Package cameras is the video of a load's callers: sockets, threads, what is shown and what
// is seen. The sound of the same callers is in fleet, which knows nothing of this.
//
//	Crew      all callers, in a few threads that look at their sockets every 2 ms   crew.go, thread.go
//	caller    one of them: a pair of ports, reports, feedback                       caller.go
//	camera    what it sends: a prepared stream, its history, repairs                camera.go
//	eye       what it receives: order restored, repaired, watched                   eye.go
//	rtcp      the few messages that both need, read and written                     rtcp.go
//	Report    what came of it in a window                                           report.go
//
// A camera does as a phone's: it sends a picture's packets over half of the time to the next
// one, or at once; PLI and FIR get a key frame, NACK what is asked for again (RFC 4588 if
// agreed), TMMBR and REMB a stream of a lower bit rate. An eye asks for what is missing, waits
// for it for a while, and asks for a key frame when it can decode no more. Nothing is encoded
// or decoded, and nothing here is shared with the server under test.
package cameras
