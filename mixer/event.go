package mixer

import (
	"fmt"
	"time"
)

// EventKind is what happened in a conference.
type EventKind uint8

// Kinds of event.
const (
	TalkStarted  EventKind = iota // an input began to speak
	TalkStopped                   // it has been quiet for a while
	DigitStarted                  // RFC 4733: a key went down
	DigitEnded                    // and up; Duration is how long it was held, 0 if unknown
	RateChanged                   // the room's rate is now Rate
	Failed                        // a fault of the mixer's own: the conference is silent from now on; Err says why
)

// Event tells what happened. It is given to the conference's Events function on the media
// thread, which must not block.
type Event struct {
	Kind     EventKind
	Input    *Input // nil for RateChanged and Failed
	Digit    byte   // '0'-'9', '*', '#', 'A'-'D', '!' for flash, 0 for any other event
	Duration time.Duration
	Rate     int // samples per second
	Err      error
}

func (in *Input) emit(e Event) {
	e.Input = in
	if in.conf != nil {
		in.conf.emit(e)
	}
}

// fail takes the conference out of service after a panic.
func (c *Conference) fail(fault any, stack []byte) {
	c.engine.stats.Panics.Add(1)
	if c.failed {
		return
	}
	c.failed = true
	c.emit(Event{Kind: Failed, Err: fmt.Errorf("mixer: panic in a tick: %v\n%s", fault, stack)})
}
