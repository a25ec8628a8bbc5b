package focus

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/focus/offeranswer"
	"github.com/confd/confd/rooms"
	"github.com/confd/confd/transport"
)

// status is a final response that refuses.
type status struct {
	code    int
	headers []sip.Header
	why     string // for logs and counters
}

func (s *status) Error() string { return fmt.Sprintf("%d %s: %s", s.code, reasonPhrase(s.code), s.why) }

func refusal(code int, why string, headers ...sip.Header) *status {
	return &status{code: code, headers: headers, why: why}
}

// roomStatus is the one table from errors of the rooms to SIP status codes.
var roomStatus = map[rooms.ErrorCode]int{
	rooms.Invalid:    sip.StatusNotFound, // RFC 3261 section 21.4.5: no such user here
	rooms.NoRoomName: sip.StatusAddressIncomplete,
	rooms.NotFound:   sip.StatusNotFound,
	rooms.Forbidden:  sip.StatusForbidden,
	rooms.Full:       sip.StatusBusyHere,
	rooms.Locked:     sip.StatusTemporarilyUnavailable,
	rooms.Overloaded: sip.StatusServiceUnavailable,
	rooms.Draining:   sip.StatusServiceUnavailable,
	rooms.TimedOut:   sip.StatusServiceUnavailable,
	rooms.Internal:   sip.StatusInternalServerError,
}

// offerStatus is the same for errors of offer and answer.
var offerStatus = map[offeranswer.Code]int{
	offeranswer.Malformed:     sip.StatusBadRequest,
	offeranswer.NotAcceptable: sip.StatusNotAcceptableHere,
	offeranswer.Internal:      sip.StatusInternalServerError,
}

// endings is the one table from reasons to Reason headers (RFC 3326) on what the server
// ends: a SIP status that says the same.
var endings = map[rooms.ReasonCode]struct {
	cause int
	text  string
}{
	rooms.ReasonLeft:          {sip.StatusOK, "Left the conference"},
	rooms.ReasonRemoved:       {sip.StatusForbidden, "Removed from the conference"},
	rooms.ReasonRoomClosed:    {sip.StatusGone, "Conference ended"},
	rooms.ReasonMoved:         {sip.StatusOK, "Moved to another conference"},
	rooms.ReasonEmpty:         {sip.StatusGone, "Conference ended"},
	rooms.ReasonExpired:       {sip.StatusGone, "Conference ended"},
	rooms.ReasonFailed:        {sip.StatusTemporarilyUnavailable, "Call not completed"},
	rooms.ReasonDraining:      {sip.StatusServiceUnavailable, "Server shutting down"},
	rooms.ReasonTimedOut:      {sip.StatusRequestTimeout, "No longer reachable"},
	rooms.ReasonProtocolError: {sip.StatusBadRequest, "Protocol error"},
	rooms.ReasonServerError:   {sip.StatusInternalServerError, "Server error"},
}

// retryAfter is what a caller is told who is turned away for lack of room, seconds.
const retryAfter = "10"

// reasonHeader tells a peer why its call ends.
func reasonHeader(r rooms.Reason) sip.Header {
	e, ok := endings[r.Code]
	if !ok {
		e.cause, e.text = sip.StatusInternalServerError, "Server error"
	}
	if r.Text != "" {
		e.text = r.Text
	}
	return sip.NewHeader("Reason", fmt.Sprintf("SIP;cause=%d;text=%s", e.cause, quote(e.text)))
}

// statusOf returns the refusal that an error of another package amounts to.
func statusOf(err error, host string) *status {
	var s *status
	var oa *offeranswer.Error
	var room *rooms.Error
	switch {
	case errors.As(err, &s):
		return s
	case errors.As(err, &oa):
		s = refusal(offerStatus[oa.Code], err.Error())
		if oa.Code != offeranswer.Internal {
			s.headers = append(s.headers, warning(oa.Warning, host, err.Error()))
		}
	case errors.As(err, &room):
		s = refusal(roomStatus[room.Code], err.Error())
		if room.Code != rooms.Internal {
			s.headers = append(s.headers, warning(0, host, room.Message))
		}
	case errors.Is(err, transport.ErrNoPorts), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE),
		errors.Is(err, syscall.ENOBUFS), errors.Is(err, syscall.ENOMEM): // later there may be room
		s = refusal(sip.StatusServiceUnavailable, err.Error())
	default:
		s = refusal(sip.StatusInternalServerError, err.Error())
	}
	if s.code == 0 {
		s.code = sip.StatusInternalServerError
	}
	if s.code == sip.StatusServiceUnavailable {
		s.headers = append(s.headers, sip.NewHeader("Retry-After", retryAfter))
	}
	return s
}

// warning is a Warning header (RFC 3261 section 20.43); code 0 is 399, miscellaneous.
func warning(code int, host, text string) sip.Header {
	if code == 0 {
		code = 399
	}
	if host == "" {
		host = "confd" // a pseudonym, as the RFC allows
	}
	return sip.NewHeader("Warning", fmt.Sprintf("%d %s %s", code, host, quote(text)))
}

var phrases = map[int]string{
	100: "Trying", 200: "OK",
	400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
	408: "Request Timeout", 410: "Gone", 415: "Unsupported Media Type",
	416: "Unsupported URI Scheme", 420: "Bad Extension", 422: "Session Interval Too Small",
	469: "Bad Info Package", 480: "Temporarily Unavailable",
	481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 484: "Address Incomplete",
	486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here",
	491: "Request Pending", 500: "Server Internal Error", 501: "Not Implemented",
	503: "Service Unavailable", 505: "Version Not Supported",
}

func reasonPhrase(code int) string {
	if p, ok := phrases[code]; ok {
		return p
	}
	return "Status"
}
