package offeranswer

import (
	"fmt"
	"strconv"
)

// Code says what kind of failure an Error is. Whoever signals maps it to a SIP status.
type Code uint8

// Kinds of failure.
const (
	// Malformed means that the description breaks the grammar or a limit: 400.
	Malformed Code = iota + 1
	// NotAcceptable means that it is well formed and we cannot agree: 488.
	NotAcceptable
	// Internal means that the caller's Local or Capabilities cannot be used: 500.
	Internal
)

// String returns a word for logs.
func (c Code) String() string {
	switch c {
	case Malformed:
		return "malformed"
	case NotAcceptable:
		return "not acceptable"
	case Internal:
		return "internal"
	}
	return "code " + strconv.Itoa(int(c))
}

// Warning codes of RFC 3261 section 20.43 that an Error may carry.
const (
	WarnAddressFormat = 301 // incompatible network address formats
	WarnTransport     = 302 // incompatible transport protocol
	WarnMediaType     = 304 // media type not available
	WarnMediaFormat   = 305 // incompatible media format
	WarnMulticast     = 330 // multicast not available
)

// Error is the only error type that this package returns.
type Error struct {
	Code    Code
	Warning int    // RFC 3261 warn-code for a Warning header, 0 if none fits
	Line    int    // line of the peer's description, counted from 1; 0 if it is no single line
	Problem string // what was wrong, with the offending text quoted and cut short
	Want    string // what would be right; may be empty
}

// Error is one line: where, what was wrong, what would be right.
func (e *Error) Error() string {
	s := "sdp: "
	if e.Line > 0 {
		s = fmt.Sprintf("sdp line %d: ", e.Line)
	}
	s += e.Problem
	if e.Want != "" {
		s += "; " + e.Want
	}
	return s
}

// sameAs tells whether two failures are the same but for where they are.
func (e *Error) sameAs(o *Error) bool {
	if e == nil || o == nil {
		return e == o
	}
	return e.Code == o.Code && e.Problem == o.Problem && e.Want == o.Want
}

func malformed(line int, want, format string, args ...any) *Error {
	return &Error{Code: Malformed, Line: line, Problem: fmt.Sprintf(format, args...), Want: want}
}

func refused(warning, line int, want, format string, args ...any) *Error {
	return &Error{
		Code: NotAcceptable, Warning: warning, Line: line,
		Problem: fmt.Sprintf(format, args...), Want: want,
	}
}

func internal(format string, args ...any) *Error {
	return &Error{Code: Internal, Problem: fmt.Sprintf(format, args...)}
}

// quote returns s in quotes, at most 48 bytes of it, for messages about hostile text.
func quote(s string) string {
	if len(s) > 48 {
		return strconv.QuoteToASCII(s[:48]) + "..."
	}
	return strconv.QuoteToASCII(s)
}
