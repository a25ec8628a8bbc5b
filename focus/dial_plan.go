package focus

import (
	"errors"
	"fmt"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/rooms"
)

// Bounds of a request to dial out.
const (
	maxHeaders      = 32
	maxHeaderName   = 64
	maxHeaderValue  = 1024
	maxHeaderBytes  = 8 << 10 // of all of them; a peer's own limit is seldom over 16 KiB
	maxDisplayName  = 128
	maxCredential   = 256
	maxRetryHistory = 6 // INVITEs of one dial-out: challenges and a longer session interval
)

// Trunk is the way to the telephone network: whose numbers are dialled, or an outbound proxy
// for all.
type Trunk struct {
	// Address is HOST, HOST:PORT or a SIP URI without a user, such as
	// sip:HOST:PORT;transport=tcp.
	Address string
	// Username and Password answer what the trunk asks for; they go to nobody else.
	Username, Password string
	// From is the caller's address, or the user part of it, where a call names none.
	From string
	// All sends calls to SIP addresses, too, by way of the trunk.
	All bool
}

// plan is a dial-out that can be made.
type plan struct {
	target  sip.Uri // Request-URI
	next    sip.Uri // where it is sent
	network string
	byTrunk bool
	routes  []sip.Uri // of an outbound proxy
	from    sip.FromHeader
	login   login
	headers []sip.Header
	ring    time.Duration
}

// planCall checks a request to dial out and says what to do. Errors are of the code Invalid.
func (c *Config) planCall(req *rooms.DialRequest) (*plan, error) {
	p := &plan{login: login{req.Username, req.Password}, ring: req.Timeout}
	if p.ring == 0 {
		p.ring = rooms.DefaultDialTimeout
	}
	for _, part := range []struct {
		field string
		take  func() error
	}{
		{"to", func() error { return p.aim(&c.Trunk, req.To) }},
		{"caller_name", func() error { return p.sayName(req.DisplayName) }},
		{"from", func() error { return p.sayFrom(&c.Trunk, req) }},
		{"headers", func() (err error) { p.headers, err = extraHeaders(req.Headers); return err }},
		{"username", p.login.check},
		{"timeout", p.checkRing},
	} {
		if err := part.take(); err != nil {
			return nil, &rooms.Error{Code: rooms.Invalid, Op: "dial", Field: part.field, Message: err.Error(), Err: err}
		}
	}
	return p, nil
}

func (p *plan) checkRing() error {
	if p.ring < 0 || p.ring > rooms.MaxDialTimeout {
		return fmt.Errorf("%v is no time to ring: want up to %v", p.ring, rooms.MaxDialTimeout)
	}
	return nil
}

// aim finds out where the call goes.
func (p *plan) aim(t *Trunk, to string) (err error) {
	if p.target, err = parseTarget(to); err != nil {
		return err
	}
	var trunk sip.Uri
	if t.Address != "" {
		if trunk, err = t.uri(); err != nil {
			return err
		}
	}
	p.next = p.target
	isNumber := p.target.Scheme == "tel"
	p.byTrunk = t.Address != "" && (isNumber || t.All || sameHost(p.target, trunk))
	switch {
	case isNumber && !p.byTrunk:
		return errors.New("a tel: address needs a trunk, and none is configured; set dial_out.trunk.address, or call sip:USER@HOST")
	case isNumber:
		p.target = sip.Uri{
			Scheme: trunk.Scheme, User: strings.ReplaceAll(p.target.User, "#", "%23"), Host: trunk.Host, Port: trunk.Port,
			UriParams: sip.HeaderParams{{K: "user", V: "phone"}},
		}
		p.next = trunk
	case p.byTrunk && t.All:
		p.next = trunk
		hop := *trunk.Clone()
		hop.UriParams.Add("lr", "")
		p.routes = []sip.Uri{hop}
	}
	if p.byTrunk && p.login == (login{}) {
		p.login = login{t.Username, t.Password}
	}
	p.network, err = networkOf(p.next)
	if err == nil && p.target.Scheme == "sips" && p.network != "TLS" {
		err = errors.New("a sips: address needs TLS all the way; the trunk has another transport")
	}
	return err
}

// uri is the trunk's address.
func (t *Trunk) uri() (sip.Uri, error) {
	s := t.Address
	if !strings.HasPrefix(s, "sip:") && !strings.HasPrefix(s, "sips:") {
		s = "sip:" + s
	}
	u, err := parseTarget(s)
	if err == nil && u.User != "" {
		err = errors.New("the trunk's address is a host, without a user")
	}
	return u, err
}

func sameHost(a, b sip.Uri) bool { return strings.EqualFold(a.Host, b.Host) && a.Port == b.Port }

// sayFrom finds out who calls. Without a host, it is filled in once the address that the
// peer sees is known.
func (p *plan) sayFrom(t *Trunk, req *rooms.DialRequest) error {
	from := req.From
	if from == "" && p.byTrunk {
		from = t.From
	}
	if from == "" {
		p.from.Address = sip.Uri{Scheme: "sip", User: string(req.Room)}
		return nil
	}
	if err := checkURI(from); err != nil {
		return fmt.Errorf("the caller's address: %w", err)
	}
	if strings.Contains(from, ":") {
		if err := parseSIP(from, &p.from.Address); err != nil {
			return fmt.Errorf("the caller's address: %w", err)
		}
		p.from.Address.UriParams = nil
		return nil
	}
	if !isUser(from) || strings.ContainsAny(from, ";?/") {
		return fmt.Errorf("%q is no caller: want a number, or sip:USER@HOST", from)
	}
	p.from.Address = sip.Uri{Scheme: "sip", User: from}
	if p.byTrunk {
		if u, err := t.uri(); err == nil {
			p.from.Address.Host = u.Host
		}
	}
	return nil
}

// sayName takes the caller's name.
func (p *plan) sayName(name string) error {
	if len(name) > maxDisplayName || hasControl(name) {
		return fmt.Errorf("the caller's display name has at most %d bytes and no control characters", maxDisplayName)
	}
	p.from.DisplayName = escapeQuoted(name)
	return nil
}

// ownHeaders are those that the dialog writes, or that change what the INVITE means. What has
// a compact form is refused by its length of one.
var ownHeaders = []string{
	"via", "from", "to", "call-id", "cseq", "contact", "max-forwards", "route", "record-route",
	"content-type", "content-length", "content-encoding", "content-disposition", "content-language",
	"mime-version", "allow", "allow-events", "supported", "require", "proxy-require", "accept",
	"accept-encoding", "session-expires", "min-se", "authorization", "proxy-authorization",
	"user-agent", "server", "expires", "event", "rack", "rseq", "replaces", "join", "refer-to",
	"refer-sub", "target-dialog", "path", "service-route", "security-client", "security-verify",
	"unsupported", "warning", "reason", "timestamp", "recv-info", "info-package",
}

// extraHeaders checks the headers that a caller of the API adds.
func extraHeaders(add map[string]string) ([]sip.Header, error) {
	if len(add) > maxHeaders {
		return nil, fmt.Errorf("there are %d extra headers; at most %d are taken", len(add), maxHeaders)
	}
	var out []sip.Header
	seen, size := map[string]bool{}, 0
	for name, value := range add {
		lower := strings.ToLower(name)
		switch {
		case !isToken(name) || len(name) < 2 || len(name) > maxHeaderName:
			return nil, fmt.Errorf("%.80q is no header name: want 2 to %d letters, digits and -", name, maxHeaderName)
		case slices.Contains(ownHeaders, lower):
			return nil, fmt.Errorf("the header %s is the server's own", textproto.CanonicalMIMEHeaderKey(name))
		case seen[lower]:
			return nil, fmt.Errorf("the header %s is given twice", name)
		case len(value) > maxHeaderValue || hasControl(value) || strings.TrimSpace(value) == "":
			return nil, fmt.Errorf("the value of %s must be 1 to %d bytes of text without control characters", name, maxHeaderValue)
		}
		if size += len(name) + len(value); size > maxHeaderBytes {
			return nil, fmt.Errorf("the extra headers have more than %d bytes together", maxHeaderBytes)
		}
		seen[lower] = true
		out = append(out, sip.NewHeader(name, strings.TrimSpace(value)))
	}
	slices.SortFunc(out, func(a, b sip.Header) int { return strings.Compare(a.Name(), b.Name()) })
	return out, nil
}

// hasControl reports whether text has control characters, or is no UTF-8.
func hasControl(s string) bool {
	return s != strings.ToValidUTF8(s, "") || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f && r <= 0x9f })
}

// escapeQuoted prepares a display name for sipgo, which puts it in quotes as it is.
func escapeQuoted(s string) string {
	q := quote(s)
	return q[1 : len(q)-1]
}

// completeDialOut fills in and checks what concerns dial-outs.
func (c *Config) completeDialOut() error {
	if err := c.DialOut.complete(); err != nil {
		return err
	}
	if c.Trunk.Address == "" {
		return nil
	}
	u, err := c.Trunk.uri()
	if err == nil {
		_, err = networkOf(u)
	}
	if err == nil {
		err = (&plan{byTrunk: true}).sayFrom(&c.Trunk, &rooms.DialRequest{From: c.Trunk.From})
	}
	if err != nil {
		return fmt.Errorf("focus: trunk: %w", err)
	}
	return login{c.Trunk.Username, c.Trunk.Password}.check()
}
