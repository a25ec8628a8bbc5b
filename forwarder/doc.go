// Package forwarder is the video plane: it hands the pictures that one participant sends to
// those who look at it, without decoding them. It is driven by packets, since a picture must
// not wait for a clock.
//
// A worker is one goroutine that waits in the kernel until a socket has something or
// something is due, and otherwise owns everything of its conferences. Each turn goes
// through these stages, without a lock, allocation, timer or log line in steady state:
//
//	1 change   what control asked for since the last turn                  post.go, conference.go
//	2 drain    each ready line's sockets, bounded, into the sources' rings turn.go, intake.go
//	3 serve    what is due: pacers, estimates, limits, liveness, counters  serve.go, wheel.go
//	4 fan out  each whole picture to all who look at its source            turn.go, outlet.go
//	5 repair   what is lost is asked for again, key frames where needed    intake.go, keyframe.go
//
// The nouns: a Line is one m=video line of a participant, with what it sends (its intake: a
// stream for each encoding) and what it is sent (its outlet: a subscription). A line is shown
// a source, which is another line of its Conference; many lines may be shown the same. An
// Engine has a few workers, and each conference belongs to one of them.
//
// DESIGN.md in this folder tells why it is so.
package forwarder
