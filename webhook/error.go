package webhook

import (
	"errors"
	"fmt"
)

// ErrorCode says what kind of thing went wrong.
type ErrorCode string

// The codes of errors.
const (
	Invalid  ErrorCode = "invalid"   // a field cannot be as it is; Field names it
	NotFound ErrorCode = "not_found" // no such subscription or dead letter, or no longer
	Conflict ErrorCode = "conflict"  // changed by somebody else since the version named
	Disabled ErrorCode = "disabled"  // the subscription takes nothing until it is enabled
	Full     ErrorCode = "full"      // a limit is reached
	Closed   ErrorCode = "closed"    // the manager is at its end
	Internal ErrorCode = "internal"  // the store failed; Err tells how
)

// Error is what the verbs of this package return.
type Error struct {
	Code    ErrorCode
	Field   string // the JSON name of the field at fault, with Invalid; else empty
	Message string // what was wrong and what would be right
	Err     error  // cause, or nil
}

// Error reads "webhook: message".
func (e *Error) Error() string { return "webhook: " + e.Message }

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

func errorf(code ErrorCode, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func invalid(field, format string, args ...any) *Error {
	return &Error{Code: Invalid, Field: field, Message: field + ": " + fmt.Sprintf(format, args...)}
}

func noSubscription(id string) *Error {
	return errorf(NotFound, "there is no subscription %q", clip(id, 64))
}

func storeFailed(err error) *Error {
	return &Error{Code: Internal, Message: "the change could not be stored: " + err.Error(), Err: err}
}
