package calls

import (
	"errors"
	"fmt"
	"time"
)

// Cause says in one word why a call failed. The words are stable: reports carry them.
type Cause string

const (
	NoAnswer     Cause = "no-answer"    // no final response in time, or none at all
	Busy         Cause = "busy"         // 486, 600
	Declined     Cause = "declined"     // 603
	Refused      Cause = "refused"      // the transport failed: nobody listens there, or the connection broke
	Unauthorized Cause = "unauthorized" // 401, 407 or 403 after credentials, or none to give
	NotFound     Cause = "not-found"    // 404, 484, 604
	WrongCodec   Cause = "wrong-codec"  // 415, 488, 606, or an answer that takes none of the offered codecs
	Unavailable  Cause = "unavailable"  // 480, 503
	Rejected     Cause = "rejected"     // any other final response
	Dropped      Cause = "dropped"      // the server ended a running call, or let its session expire
	Protocol     Cause = "protocol"     // a response that cannot be used
	Cancelled    Cause = "cancelled"    // the caller's own context ended first
	DeadMedia    Cause = "dead-media"   // answered, and no RTP came; told by who has the media
)

// Failure is why a call did not come about.
type Failure struct {
	Cause      Cause
	Status     int           // of SIP; 0 if there was no response that decided
	Reason     string        // the response's phrase, or what was wrong
	RetryAfter time.Duration // what a 503 or the like asks for; 0 is nothing
	Err        error         // beneath it, may be nil
}

func (f *Failure) Error() string {
	text := string(f.Cause)
	if f.Status != 0 {
		text += fmt.Sprintf(" (%d %s)", f.Status, f.Reason)
	} else if f.Reason != "" {
		text += ": " + f.Reason
	}
	if f.Err != nil {
		text += ": " + f.Err.Error()
	}
	return text
}

func (f *Failure) Unwrap() error { return f.Err }

// failed returns the failure that a final response other than 2xx is.
func failed(m *message, proved bool) *Failure {
	f := &Failure{Cause: causeOf(m.status, proved), Status: m.status, Reason: m.phrase}
	if v := m.get("retry-after"); v != "" {
		if n, ok := delta(v); ok {
			f.RetryAfter = time.Duration(n) * time.Second
		}
	}
	switch {
	case m.status >= 300 && m.status < 400:
		f.Err = fmt.Errorf("the server redirects to %q; calls are not placed elsewhere than was asked for", m.contact())
	case m.status == 421:
		f.Err = fmt.Errorf("the server demands %q; reliable provisional responses and the like are not supported", m.get("require"))
	}
	return f
}

// causeOf is the one table from SIP status to cause. proved: credentials were given.
func causeOf(status int, proved bool) Cause {
	switch status {
	case 401, 407:
		return Unauthorized
	case 403:
		if proved {
			return Unauthorized
		}
		return Rejected
	case 404, 484, 604:
		return NotFound
	case 415, 488, 606:
		return WrongCodec
	case 480, 503:
		return Unavailable
	case 486, 600:
		return Busy
	case 603:
		return Declined
	case 408:
		return NoAnswer
	}
	return Rejected
}

var (
	errClosed  = errors.New("the agent is closed")
	errTimeout = errors.New("no response")
)
