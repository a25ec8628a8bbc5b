package webhook

import "time"

// Event is one thing that happened, ready to be sent.
type Event struct {
	ID   string `json:"id"`   // 1 to 128 of A-Z a-z 0-9 _ -; unique, the same over all attempts: the header webhook-id
	Seq  uint64 `json:"seq"`  // its place among all events
	Room string `json:"room"` // whose order it keeps; "" for what belongs to no room
	Kind string `json:"kind"` // as "participant.joined"
	Body []byte `json:"body"` // JSON, sent as it is; never changed
}

// State says where a delivery stands.
type State string

// States of deliveries.
const (
	Pending State = "pending" // waits for its turn, its time, or an answer
	Dead    State = "dead"    // given up; [Manager.Redeliver] tries again
)

// DeadReason says why a delivery was given up.
type DeadReason string

// Why deliveries are given up.
const (
	DeadRejected  DeadReason = "rejected"  // an answer that says never: 4xx, a redirect that is not followed
	DeadRefused   DeadReason = "refused"   // our own policy: an address or a URL that webhooks do not go to
	DeadExhausted DeadReason = "exhausted" // tried as often as configured
	DeadExpired   DeadReason = "expired"   // older than configured
	DeadOverflow  DeadReason = "overflow"  // the queue was full
	DeadDisabled  DeadReason = "disabled"  // the subscription was disabled, by 410 or by hand
)

// Delivery is an event on its way to a subscription.
type Delivery struct {
	ID           string     `json:"id"`           // unique
	Order        uint64     `json:"order"`        // its place among all deliveries
	Subscription string     `json:"subscription"` // id
	Event        Event      `json:"event"`
	State        State      `json:"state"`
	Queued       time.Time  `json:"queued"`
	Attempts     int        `json:"attempts"`
	Next         time.Time  `json:"next,omitzero"`   // Pending: not tried before
	Status       int        `json:"status,omitzero"` // the endpoint's last, 0 if it did not answer
	Error        string     `json:"error,omitzero"`  // what was wrong with the last attempt
	Reason       DeadReason `json:"reason,omitzero"`
	Died         time.Time  `json:"died,omitzero"`
}

func checkEvent(e Event, maxBody int) error {
	if e.ID == "" || len(e.ID) > 128 {
		return invalid("id", "has %d bytes; an event's id has 1 to 128", len(e.ID))
	}
	for i := range len(e.ID) {
		if !isWord(e.ID[i]) && e.ID[i] != '-' {
			return invalid("id", "%q has an odd character; an event's id is of letters, digits, '_' and '-'", e.ID)
		}
	}
	if len(e.Body) > maxBody {
		return invalid("body", "has %d bytes; at most %d", len(e.Body), maxBody)
	}
	return nil
}
