package rooms

import (
	"net/netip"
	"time"
)

// EventKind says what an [Event] tells.
type EventKind string

// The kinds of events. A participant's events come between its ParticipantJoined and its
// ParticipantLeft, a room's between RoomOpened and RoomClosed.
const (
	RoomOpened         EventKind = "room.opened"
	RoomClosed         EventKind = "room.closed" // with Reason
	ParticipantJoined  EventKind = "participant.joined"
	ParticipantLeft    EventKind = "participant.left"    // with Reason; ends talking, too
	ParticipantChanged EventKind = "participant.changed" // muted, deaf
	TalkingStarted     EventKind = "talking.started"
	TalkingStopped     EventKind = "talking.stopped"
	DigitPressed       EventKind = "digit"         // with Digit and Duration
	MediaLost          EventKind = "media.lost"    // nothing arrives from the participant any more
	MediaResumed       EventKind = "media.resumed" // something does again
)

// eventKinds is all of them, so that each can be counted from the start.
var eventKinds = []EventKind{
	RoomOpened, RoomClosed, ParticipantJoined, ParticipantLeft, ParticipantChanged,
	TalkingStarted, TalkingStopped, DigitPressed, MediaLost, MediaResumed,
}

// Event is one change. All rooms share one order: Seq counts up by one from event to event
// of a registry. Nothing that an event points to ever changes.
type Event struct {
	Seq         uint64
	Time        time.Time
	Kind        EventKind
	Room        Name
	Participant *ParticipantSnapshot // as the event left it; nil if the event is the room's
	Reason      Reason               // why it left, why it closed
	Digit       byte                 // one of 0-9 * # A-D
	Duration    time.Duration        // how long the key was held, as far as is known
}

// Direction says who called whom.
type Direction string

// Directions, as the server sees them.
const (
	Inbound  Direction = "inbound"  // the participant called
	Outbound Direction = "outbound" // the server called
)

// Info is what signalling knows about a participant. Everything the peer wrote is as long
// and as odd as signalling lets it be.
type Info struct {
	URI         string
	DisplayName string
	UserAgent   string
	RemoteAddr  netip.Addr
	CallID      string
	Direction   Direction
}

// ParticipantSnapshot is a participant at one moment.
type ParticipantSnapshot struct {
	ID      string
	Info    Info
	Joined  time.Time
	Talking bool
	Muted   bool
	Deaf    bool
	Lost    bool // nothing arrives from it
}

// RoomSnapshot is a room at one moment: all of its events up to Seq are in it, none after.
// Who resynchronises takes snapshots after subscribing, and of each room only the events
// past its Seq.
type RoomSnapshot struct {
	Name         Name
	Seq          uint64
	Opened       time.Time
	Participants []ParticipantSnapshot // in the order in which they joined
}
