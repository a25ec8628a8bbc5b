package rooms

import (
	"net/netip"
	"time"

	"github.com/confd/confd/multicast"
)

// EventKind says what an [Event] tells.
type EventKind string

// The kinds of events. A room is there from RoomCreated or RoomOpened on; its conference is
// from RoomOpened to RoomClosed. A room that the API made stays after RoomClosed, until
// RoomDeleted; one that a call opened ends with RoomClosed. A participant's events come
// between its ParticipantCalling or ParticipantJoined and its ParticipantLeft or
// ParticipantFailed. One that moves leaves a room for [ReasonMoved] and then joins the other.
const (
	RoomCreated         EventKind = "room.created" // over the API, or restored
	RoomOpened          EventKind = "room.opened"
	RoomUpdated         EventKind = "room.updated"
	RoomClosed          EventKind = "room.closed"         // with Reason
	RoomDeleted         EventKind = "room.deleted"        // with Reason
	RoomMulticast       EventKind = "room.multicast"      // another multicast group, key or description, or none
	VideoSettled        EventKind = "video.codec"         // the room has settled on another video format, or none
	VideoSwitched       EventKind = "video.switched"      // somebody else is to be seen, or nobody
	ParticipantCalling  EventKind = "participant.calling" // dialling out has begun
	ParticipantRinging  EventKind = "participant.ringing" // the far end rings
	ParticipantJoined   EventKind = "participant.joined"  // with From if it has moved
	ParticipantFailed   EventKind = "participant.failed"  // dialling out has ended, with Failure and Reason
	ParticipantLeft     EventKind = "participant.left"    // with Reason, and To if it moves; ends talking, too
	ParticipantUpdated  EventKind = "participant.updated" // its settings or its state
	TalkingStarted      EventKind = "talking.started"
	TalkingStopped      EventKind = "talking.stopped"
	DigitPressed        EventKind = "digit"                // with Digit and Duration
	MediaLost           EventKind = "media.lost"           // nothing arrives from the participant any more
	MediaResumed        EventKind = "media.resumed"        // something does again
	AnnouncementStarted EventKind = "announcement.started" // with Announcement
	AnnouncementEnded   EventKind = "announcement.ended"   // with Announcement and Reason
	// SnapshotTaken opens a subscription that cannot be resumed: with Rooms, as they are
	// after event Seq. No event of its own, it shares its number.
	SnapshotTaken EventKind = "snapshot"
)

// eventKinds is all that are published, so that each can be counted from the start.
var eventKinds = []EventKind{
	RoomCreated, RoomOpened, RoomUpdated, RoomClosed, RoomDeleted, RoomMulticast, VideoSettled, VideoSwitched,
	ParticipantCalling, ParticipantRinging, ParticipantJoined, ParticipantFailed, ParticipantLeft, ParticipantUpdated,
	TalkingStarted, TalkingStopped, DigitPressed, MediaLost, MediaResumed, AnnouncementStarted, AnnouncementEnded,
}

// EventKinds returns all kinds that are published.
func EventKinds() []EventKind { return append([]EventKind(nil), eventKinds...) }

// Event is one change. All rooms share one order: Seq counts up by one from event to event
// of a registry, from a number that grows from one start of the server to the next. Nothing
// that an event points to ever changes.
type Event struct {
	Seq         uint64
	Time        time.Time
	Kind        EventKind
	Room        Name                 // "" for SnapshotTaken of all rooms
	RoomInfo    *RoomSnapshot        // of events of the room: as the event left it, without participants
	Participant *ParticipantSnapshot // of events of a participant: as the event left it

	Reason       Reason                // why it left, failed, closed, was deleted, ended
	Failure      *DialFailure          // ParticipantFailed
	Digit        byte                  // one of 0-9 * # A-D
	Duration     time.Duration         // how long the key was held, as far as is known
	From, To     Name                  // of one who moves: the other room
	Announcement *AnnouncementSnapshot // of events of an announcement
	Rooms        []*RoomSnapshot       // SnapshotTaken: by name, with participants
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

// State says how far a participant is.
type State string

// The states of a participant.
const (
	StateCalling   State = "calling"   // dialled, nothing heard yet
	StateRinging   State = "ringing"   // dialled, and the far end rings
	StateConnected State = "connected" // in the conference
	StateHeld      State = "held"      // in it, and put on hold, by the API or by the peer
	StateLeft      State = "left"      // in the snapshot of its last event only
	StateFailed    State = "failed"    // the same of a dial-out that came to nothing
)

// ParticipantSnapshot is a participant at one moment.
type ParticipantSnapshot struct {
	ID    string
	Room  Name
	Info  Info
	State State
	ParticipantSettings
	Version uint64    // grows with every change of the settings
	Created time.Time // the call came in, or dialling began
	Joined  time.Time // it entered the conference; zero before
	Talking bool
	Lost    bool                // nothing arrives from it
	OnGroup bool                // it listens to the room's multicast group instead of a stream of its own
	Video   []VideoLineSnapshot // by line; nil without video. What they see is as of the participant's last event in the stream
}

// Name returns what to call the participant: the display name that was set, or that
// signalling knows.
func (p *ParticipantSnapshot) Name() string {
	if p.DisplayName != "" {
		return p.DisplayName
	}
	return p.Info.DisplayName
}

// RoomSnapshot is a room at one moment: all of its events up to Seq are in it, none after.
type RoomSnapshot struct {
	Name Name
	Seq  uint64
	Settings
	Persistent   bool           // made by the API, survives a restart
	Version      uint64         // grows with every change of the settings; never the same for another room of that name
	Created      time.Time      // the room
	Updated      time.Time      // its settings
	Opened       time.Time      // the conference; zero while there is none
	Conference   string         // what names the conference in records; "" while there is none
	Rate         int            // the rate in force, Hz; 0 while there is no conference
	Group        *GroupSnapshot // nil without one; in the stream as of the room's last event
	VideoNow     VideoSnapshot
	Count        int                    // participants, those still being called among them
	Participants []*ParticipantSnapshot // in the order in which they came; in snapshots of the stream only

	place *multicast.Place // of the group, to be kept
}
