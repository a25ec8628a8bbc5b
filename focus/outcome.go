package focus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/rooms"
)

// outcomes is the one table from SIP status to what a dial-out came to; what is not in it
// has failed.
var outcomes = map[int]rooms.Outcome{
	sip.StatusBusyHere:               rooms.OutcomeBusy,
	sip.StatusGlobalBusyEverywhere:   rooms.OutcomeBusy,
	sip.StatusGlobalDecline:          rooms.OutcomeDeclined,
	607:                              rooms.OutcomeDeclined, // unwanted, RFC 8197
	608:                              rooms.OutcomeDeclined, // rejected by an analytics engine, RFC 8688
	sip.StatusRequestTimeout:         rooms.OutcomeUnanswered,
	sip.StatusTemporarilyUnavailable: rooms.OutcomeUnanswered,
	sip.StatusRequestTerminated:      rooms.OutcomeUnanswered, // not by us: then nobody looks here
}

// outcomeOf says what a final response that refuses the call means.
func outcomeOf(res *sip.Response) rooms.DialFailure {
	f := rooms.DialFailure{Outcome: rooms.OutcomeFailed, Status: res.StatusCode, Text: plain(res.Reason)}
	if o, ok := outcomes[res.StatusCode]; ok {
		f.Outcome = o
	}
	if f.Text == "" {
		f.Text = reasonPhrase(res.StatusCode)
	}
	if res.StatusCode/100 == 3 {
		if c := res.Contact(); c != nil {
			f.Text = fmt.Sprintf("%s: try %s instead", f.Text, plain(c.Address.String()))
		}
	}
	if text := reasonText(res); text != "" && !strings.EqualFold(text, f.Text) {
		f.Text += " (" + text + ")"
	}
	if n, ok := retryAfterOf(res); ok {
		f.Text = fmt.Sprintf("%s; to be tried again after %d s", f.Text, n)
	}
	return f
}

// reasonText is what Reason (RFC 3326) or else Warning say for people.
func reasonText(res *sip.Response) string {
	if v, ok := value(res, "reason"); ok {
		for p := range strings.SplitSeq(v, ";") {
			name, text, _ := strings.Cut(strings.TrimSpace(p), "=")
			if strings.EqualFold(strings.TrimSpace(name), "text") {
				return unquote(text)
			}
		}
	}
	if v, ok := value(res, "warning"); ok {
		if f := strings.SplitN(v, " ", 3); len(f) == 3 {
			return unquote(f[2])
		}
	}
	return ""
}

// unquote reads a quoted-string as far as it goes.
func unquote(s string) string {
	s = strings.TrimSpace(s)
	if !strings.HasPrefix(s, `"`) {
		return plain(s)
	}
	s = s[1:]
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		} else if s[i] == '"' {
			s = s[:i]
		}
	}
	return plain(displayName(s))
}

// retryAfterOf reads "18000;duration=3600 (comment)" (RFC 3261 section 20.33), in seconds.
func retryAfterOf(res *sip.Response) (int, bool) {
	v, ok := value(res, "retry-after")
	if !ok {
		return 0, false
	}
	return parseRetryAfter(v)
}

func parseRetryAfter(v string) (int, bool) {
	v = strings.TrimSpace(v)
	if i := strings.IndexAny(v, ";( \t"); i >= 0 {
		v = v[:i]
	}
	n, err := parseDelta(v)
	return n, err == nil
}

// plain makes text of a stranger fit to be shown: bounded, valid, without control characters.
func plain(s string) string {
	return bounded(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "")))
}

// cancellation is why the room gave up on a dial-out.
type cancellation struct{ why rooms.Reason }

func (c *cancellation) Error() string { return c.why.String() }

var errUnanswered = errors.New("nobody answered in time")

// failureOf says what an error means that kept a call from being answered. cause is why the
// dial-out was ended from here, nil if it was not.
func failureOf(cause, err error) rooms.DialFailure {
	var ours *cancellation
	var bad *status
	switch {
	case errors.As(cause, &ours) && ours.why.Code == rooms.ReasonTimedOut: // the room's patience was over before ours
		return rooms.DialFailure{Outcome: rooms.OutcomeUnanswered, Text: ours.why.String()}
	case ours != nil:
		return rooms.DialFailure{Outcome: rooms.OutcomeCancelled, Text: ours.why.String()}
	case errors.Is(cause, errUnanswered):
		return rooms.DialFailure{Outcome: rooms.OutcomeUnanswered, Text: cause.Error()}
	case cause != nil:
		return rooms.DialFailure{Outcome: rooms.OutcomeCancelled, Text: "the server ends"}
	case errors.Is(err, sip.ErrTransactionTimeout):
		return rooms.DialFailure{Outcome: rooms.OutcomeFailed, Text: "there was no answer to the INVITE, within " + strconv.Itoa(int((64 * sip.T1).Seconds())) + " s"}
	case errors.As(err, &bad):
		return rooms.DialFailure{Outcome: rooms.OutcomeFailed, Status: bad.code, Text: plain(bad.why)}
	case errors.Is(err, context.DeadlineExceeded):
		return rooms.DialFailure{Outcome: rooms.OutcomeFailed, Text: "the peer could not be reached in time"}
	}
	return rooms.DialFailure{Outcome: rooms.OutcomeFailed, Text: plain(err.Error())}
}
