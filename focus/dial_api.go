package focus

import (
	"time"

	"github.com/confd/confd/rooms"
)

// DialRequest is whom to call, and how.
type DialRequest struct {
	To            string            // sip:, sips:, or tel: by way of the trunk
	From          string            // caller's address or number; empty: the room's, or the trunk's
	DisplayName   string            // caller's name
	Headers       map[string]string // further headers of the INVITE
	Timeout       time.Duration     // until it has to be answered; 0: 60 s, at most 5 min
	Username      string            // for who asks for credentials
	Password      string
	Room          rooms.Name
	ParticipantID string
}

// Outcome is how a call that was not answered ended.
type Outcome string

// The outcomes.
const (
	OutcomeBusy       Outcome = "busy"
	OutcomeDeclined   Outcome = "declined"
	OutcomeUnanswered Outcome = "unanswered"
	OutcomeFailed     Outcome = "failed"
	OutcomeCancelled  Outcome = "cancelled"
)

// DialFailure says why nobody answered.
type DialFailure struct {
	Outcome Outcome
	Status  int    // SIP status that the peer gave, 0 if none
	Text    string // for people
}

// Progress is told how a call comes along: Ringing any number of times, then once Answered
// or Failed.
type Progress interface {
	Ringing(early bool)
	Answered(rooms.Info, rooms.Media, rooms.Call) (*rooms.Participant, error)
	Failed(DialFailure)
}

// Outgoing is a call that has not been answered.
type Outgoing interface {
	Cancel(rooms.Reason)
}
