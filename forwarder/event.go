package forwarder

import "fmt"

// EventKind is what happened in a conference.
type EventKind uint8

// Kinds of event. Line is whom it is about.
const (
	// SourceStarted tells that a line sends pictures: the first whole one is there.
	SourceStarted EventKind = iota + 1
	// SourceStopped tells that nothing has come of it for 2 s, or that it may not send any more.
	SourceStopped
	// SourceChanged tells that its pictures are now Width by Height.
	SourceChanged
	// Shown tells that Line is sent Source's pictures from a key frame on.
	Shown
	// Frozen tells that Line should see Source, which sends, but got no picture for a while.
	Frozen
	// Thawed tells that this is over: Line sees pictures again, or the source has stopped or is
	// not to be shown any more. Source is whom it should see now, or nil.
	Thawed
	// KeyFrameBySignalling asks for a key frame of Line to be requested by signalling
	// (RFC 5168), since it takes neither PLI nor FIR, or has not heeded four; at most once a
	// second for each line.
	KeyFrameBySignalling
	// Failed tells of a fault of the forwarder's own: the conference forwards nothing any
	// more. Err says why.
	Failed
)

var kindNames = [...]string{SourceStarted: "source started", SourceStopped: "source stopped",
	SourceChanged: "source changed", Shown: "shown", Frozen: "frozen", Thawed: "thawed",
	KeyFrameBySignalling: "key frame by signalling", Failed: "failed"}

// String names the kind.
func (k EventKind) String() string {
	if k == 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("EventKind(%d)", uint8(k))
	}
	return kindNames[k]
}

// Event tells what happened. It is given to the conference's Events function on the worker,
// which must not block.
type Event struct {
	Kind          EventKind
	Line          *Line // nil for Failed
	Source        *Line // of Shown, Frozen and Thawed, else nil
	Width, Height int   // pixels, of SourceStarted and SourceChanged; 0 if the pictures do not tell
	Err           error // of Failed
}
