package multicast

import "fmt"

// ErrorCode says what kind of thing went wrong.
type ErrorCode string

// The codes of errors.
const (
	Invalid     ErrorCode = "invalid"     // what was asked for makes no sense, or is not allowed here
	Taken       ErrorCode = "taken"       // the group or port belongs to another room
	Full        ErrorCode = "full"        // the pool has none left
	Unavailable ErrorCode = "unavailable" // the machine cannot do it: interface, address, socket
)

// Error is what this package returns.
type Error struct {
	Code    ErrorCode
	Field   string // of Spec or Config, as JSON names it; "" if none is at fault
	Message string // what was wrong and what would be right
	Err     error  // cause, or nil
}

// Error reads "field: message: cause".
func (e *Error) Error() string {
	text := e.Message
	if e.Field != "" {
		text = e.Field + ": " + text
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func invalid(field, format string, args ...any) *Error {
	return &Error{Code: Invalid, Field: field, Message: fmt.Sprintf(format, args...)}
}
