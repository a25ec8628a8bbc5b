package focus

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// The truth about what this server does. A method or extension is added here when it
// works, not before.
var (
	allowed   = []string{"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "UPDATE", "INFO"}
	supported = []string{"timer"}
	accepted  = []string{"application/sdp", "multipart/mixed", "application/dtmf-relay", "application/dtmf", typeMediaControl}
)

var (
	allowValue     = strings.Join(allowed, ", ")
	supportedValue = strings.Join(supported, ", ")
	acceptValue    = strings.Join(accepted, ", ")
)

// headerer is what requests and responses have in common here.
type headerer interface {
	GetHeaders(name string) []sip.Header
}

// value returns the first header of that name, trimmed, and whether there is one. names
// are lower case; a compact form is given beside the long one.
func value(m headerer, names ...string) (string, bool) {
	for _, n := range names {
		if hs := m.GetHeaders(n); len(hs) > 0 {
			return strings.TrimSpace(hs[0].Value()), true
		}
	}
	return "", false
}

// tokens returns the elements of a comma-separated header, over all its lines.
func tokens(m headerer, names ...string) []string {
	var out []string
	for _, n := range names {
		for _, h := range m.GetHeaders(n) {
			for t := range strings.SplitSeq(h.Value(), ",") {
				if t = strings.TrimSpace(t); t != "" {
					out = append(out, t)
				}
			}
		}
	}
	return out
}

// hasToken reports whether a comma-separated header has the element, in any case.
func hasToken(m headerer, token string, names ...string) bool {
	return slices.ContainsFunc(tokens(m, names...), func(t string) bool {
		return strings.EqualFold(t, token)
	})
}

// refresher says who keeps a session alive (RFC 4028). The zero value leaves it open.
type refresher string

const (
	refresherOpen refresher = ""
	refresherUAC  refresher = "uac"
	refresherUAS  refresher = "uas"
)

// sessionExpires is the value of a Session-Expires header.
type sessionExpires struct {
	seconds   int
	refresher refresher
}

func (s sessionExpires) String() string {
	if s.refresher == refresherOpen {
		return strconv.Itoa(s.seconds)
	}
	return strconv.Itoa(s.seconds) + ";refresher=" + string(s.refresher)
}

// maxDelta bounds every number of seconds that we read: 2^31-1 (RFC 3261 section 25.1
// has no bound; more makes no sense).
const maxDelta = 1<<31 - 1

// parseDelta reads delta-seconds; what is larger than maxDelta is taken for maxDelta.
func parseDelta(s string) (int, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0, fmt.Errorf("a number of seconds is missing")
	}
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("%q is not a number of seconds", s)
		}
		if n < maxDelta {
			n = min(n*10+int(c-'0'), maxDelta)
		}
	}
	return n, nil
}

// parseSessionExpires reads "1800;refresher=uac" (RFC 4028 section 4). Unknown parameters
// are ignored.
func parseSessionExpires(v string) (sessionExpires, error) {
	head, params, _ := strings.Cut(v, ";")
	n, err := parseDelta(head)
	if err != nil {
		return sessionExpires{}, fmt.Errorf("Session-Expires: %w", err)
	}
	out := sessionExpires{seconds: n}
	for p := range strings.SplitSeq(params, ";") {
		name, val, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "refresher") {
			continue
		}
		switch r := refresher(strings.ToLower(strings.TrimSpace(val))); r {
		case refresherUAC, refresherUAS:
			out.refresher = r
		default:
			return sessionExpires{}, fmt.Errorf("Session-Expires: refresher is %q, not uac or uas", val)
		}
	}
	return out, nil
}

// parseMinSE reads "90;param" (RFC 4028 section 5).
func parseMinSE(v string) (int, error) {
	head, _, _ := strings.Cut(v, ";")
	n, err := parseDelta(head)
	if err != nil {
		return 0, fmt.Errorf("Min-SE: %w", err)
	}
	return n, nil
}

// quote makes a quoted-string (RFC 3261 section 25.1) of text for people.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// tagOf returns a tag parameter, "" if there is none.
func tagOf(p sip.HeaderParams) string {
	t, _ := p.Get("tag")
	return t
}

// displayName undoes the quoting that sipgo leaves in a display name.
func displayName(s string) string {
	if !strings.ContainsRune(s, '\\') {
		return s
	}
	var b strings.Builder
	escaped := false
	for _, r := range s {
		if r == '\\' && !escaped {
			escaped = true
			continue
		}
		escaped = false
		b.WriteRune(r)
	}
	return b.String()
}
