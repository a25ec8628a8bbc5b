package focus

import (
	"errors"
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// login is what a caller proves itself with; the zero value is nothing.
type login struct{ username, password string }

func (l login) check() error {
	if len(l.username) > maxCredential || len(l.password) > maxCredential || hasControl(l.username+l.password) {
		return fmt.Errorf("user name and password have at most %d bytes each and no control characters", maxCredential)
	}
	if l.username == "" && l.password != "" {
		return errors.New("a password needs a user name")
	}
	return nil
}

// prover answers the challenges that one request meets on its way (RFC 3261 section 22, RFC
// 8760): each realm once, and once more if only the nonce was too old.
type prover struct {
	login login
	given map[realm]*proof
}

// realm is who asks: a server (401) or a proxy (407).
type realm struct {
	proxy bool
	name  string
}

// proof is the credentials for a realm.
type proof struct {
	header sip.Header
	nonces int // answered
}

// maxRealms bounds those of one request: our own proxy's, theirs, and the callee's.
const maxRealms = 4

var (
	errNoLogin   = errors.New("the peer asks for a user name and password, and none is given")
	errBadLogin  = errors.New("the peer does not accept the user name and password")
	errNoScheme  = errors.New("the peer asks for proof of a kind that is not known here; digest with MD5 or SHA-256 and qop auth is")
	errTooRealms = errors.New("too many servers on the way ask for credentials")
)

func isChallenge(res *sip.Response) bool {
	return res.StatusCode == sip.StatusUnauthorized || res.StatusCode == sip.StatusProxyAuthRequired
}

// answer takes a 401 or 407 to a request and returns the credentials of all realms so far,
// for the request that is sent instead.
func (p *prover) answer(req *sip.Request, res *sip.Response) ([]sip.Header, error) {
	if p.login == (login{}) {
		return nil, errNoLogin
	}
	chal, proxy, err := challengeOf(res)
	if err != nil {
		return nil, err
	}
	who := realm{proxy, chal.Realm}
	before := p.given[who]
	switch {
	case before == nil && len(p.given) >= maxRealms:
		return nil, errTooRealms
	case before != nil && (!chal.Stale || before.nonces > 1):
		return nil, errBadLogin
	case before == nil:
		before = &proof{}
	}
	c, err := digest.Digest(chal, digest.Options{
		Method: string(req.Method), URI: req.Recipient.String(), Count: 1,
		Username: p.login.username, Password: p.login.password,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoScheme, err)
	}
	name := "Authorization"
	if proxy {
		name = "Proxy-Authorization"
	}
	before.header = sip.NewHeader(name, c.String())
	before.nonces++
	if p.given == nil {
		p.given = map[realm]*proof{}
	}
	p.given[who] = before
	return p.headers(), nil
}

// headers are the credentials so far.
func (p *prover) headers() []sip.Header {
	var out []sip.Header
	for _, g := range p.given {
		out = append(out, g.header)
	}
	return out
}

// challengeOf returns the first challenge that we can answer: the one that the peer likes
// best (RFC 8760 section 2.4).
func challengeOf(res *sip.Response) (c *digest.Challenge, proxy bool, err error) {
	name := "www-authenticate"
	if proxy = res.StatusCode == sip.StatusProxyAuthRequired; proxy {
		name = "proxy-authenticate"
	}
	for _, h := range res.GetHeaders(name) {
		if c := parseChallenge(h.Value()); c != nil {
			return c, proxy, nil
		}
	}
	return nil, proxy, errNoScheme
}

// parseChallenge reads a challenge, nil if it is none that we can answer.
func parseChallenge(v string) *digest.Challenge {
	c, err := digest.ParseChallenge(strings.TrimSpace(strings.ReplaceAll(v, "\t", " ")))
	if err != nil || c.Nonce == "" {
		return nil
	}
	c.Algorithm = strings.TrimSpace(c.Algorithm)
	switch strings.ToUpper(c.Algorithm) {
	case "", "MD5", "SHA-256":
	default:
		return nil
	}
	for _, q := range c.QOP {
		if strings.EqualFold(strings.TrimSpace(q), "auth") {
			c.QOP = []string{"auth"}
			return c
		}
	}
	if len(c.QOP) > 0 {
		return nil
	}
	return c
}
