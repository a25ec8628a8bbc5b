package rooms

import (
	"errors"
	"fmt"
)

// ErrorCode says what kind of thing went wrong, so that each face of confd can answer in
// its own words: focus has one table to SIP status codes, api one to HTTP status codes.
type ErrorCode string

// The codes of errors.
const (
	Invalid    ErrorCode = "invalid"      // the request makes no sense as it stands
	NoRoomName ErrorCode = "no_room_name" // an address without a room
	NotFound   ErrorCode = "not_found"    // no such room or participant, or no longer
	Forbidden  ErrorCode = "forbidden"    // policy does not let this caller
	Full       ErrorCode = "full"         // a limit on participants or rooms is reached
	Locked     ErrorCode = "locked"       // the room takes nobody new
	Exists     ErrorCode = "exists"       // there is one of that name already
	Conflict   ErrorCode = "conflict"     // it has changed since the version that the caller saw
	Overloaded ErrorCode = "overloaded"   // the machine has no time left for more
	Draining   ErrorCode = "draining"     // the server is about to end
	TimedOut   ErrorCode = "timed_out"    // the caller's context ended first
	Internal   ErrorCode = "internal"     // a fault of confd itself
)

// Error is what the verbs of this package return.
type Error struct {
	Code    ErrorCode
	Op      string // the verb that failed, as "join"
	Message string // what was wrong and what would be right
	Field   string // of the settings or the request, as JSON names it; "" if none is at fault
	Err     error  // cause, or nil
}

// Error reads "op: message".
func (e *Error) Error() string { return e.Op + ": " + e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the first *Error in err's chain, Internal if it has none, and
// "" for nil.
func CodeOf(err error) ErrorCode {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

func errorf(code ErrorCode, op, format string, args ...any) *Error {
	return &Error{Code: code, Op: op, Message: fmt.Sprintf(format, args...)}
}

// ReasonCode says why a participant left or a room closed.
type ReasonCode string

// The codes of reasons.
const (
	ReasonLeft          ReasonCode = "left"           // hung up
	ReasonRemoved       ReasonCode = "removed"        // somebody took it out of the room
	ReasonRoomClosed    ReasonCode = "room_closed"    // somebody ended the conference
	ReasonMoved         ReasonCode = "moved"          // goes on in another room
	ReasonEmpty         ReasonCode = "empty"          // the last participant has left (rooms only)
	ReasonExpired       ReasonCode = "expired"        // it was empty for as long as it may be (rooms only)
	ReasonFailed        ReasonCode = "failed"         // the dial-out came to nothing
	ReasonDraining      ReasonCode = "draining"       // the server ends
	ReasonTimedOut      ReasonCode = "timed_out"      // the peer no longer answers
	ReasonProtocolError ReasonCode = "protocol_error" // the peer broke the protocol
	ReasonServerError   ReasonCode = "server_error"   // a fault of confd itself
)

// Reason is why a participant left or a room closed.
type Reason struct {
	Code ReasonCode
	Text string // for people; may be empty
}

// String reads "code" or "code: text".
func (r Reason) String() string {
	if r.Text == "" {
		return string(r.Code)
	}
	return string(r.Code) + ": " + r.Text
}
