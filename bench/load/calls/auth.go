package calls

import (
	"slices"
	"strings"

	"github.com/icholy/digest"
)

// prover answers digest challenges with one user's credentials (RFC 3261 section 22, RFC
// 8760): MD5 and SHA-256, qop auth or none. A challenge is used for all requests of a call
// that follow, with its count of uses.
type prover struct {
	username, password string
	given              []*challenge // one per realm and kind of server
}

type challenge struct {
	digest *digest.Challenge
	header string // that the credentials go into
	count  int    // uses of this nonce
	stale  bool   // the last one was too old
}

// maxChallenges bounds the servers on the way that may ask.
const maxChallenges = 4

// proved reports whether credentials have been given.
func (p *prover) proved() bool { return len(p.given) > 0 }

// take remembers the challenge of a 401 or 407, and reports whether it is of use to try
// again: not without a user name, and not if these credentials have been refused.
func (p *prover) take(m *message) bool {
	if m.status != 401 && m.status != 407 || p.username == "" {
		return false
	}
	source, header := "www-authenticate", "Authorization"
	if m.status == 407 {
		source, header = "proxy-authenticate", "Proxy-Authorization"
	}
	d := usableChallenge(m, source)
	if d == nil {
		return false
	}
	for _, g := range p.given {
		if g.header == header && g.digest.Realm == d.Realm {
			return g.renew(d)
		}
	}
	if len(p.given) == maxChallenges {
		return false
	}
	p.given = append(p.given, &challenge{digest: d, header: header})
	return true
}

// renew takes a new nonce for a realm. Credentials that were wrong once stay wrong, unless
// the nonce had merely expired: it says so, or it has served a request before.
func (g *challenge) renew(d *digest.Challenge) bool {
	if !d.Stale && g.count <= 1 || g.stale {
		return false
	}
	g.stale = true
	g.digest, g.count = d, 0
	return true
}

// accepted is told that a request with credentials went through.
func (p *prover) accepted() {
	for _, g := range p.given {
		g.stale = false
	}
}

// headers are the credentials for a request, none before a challenge.
func (p *prover) headers(method, uri string) (lines []string) {
	for _, g := range p.given {
		g.count++
		c, err := digest.Digest(g.digest, digest.Options{
			Method: method, URI: uri, Count: g.count, Username: p.username, Password: p.password,
		})
		if err == nil { // usableChallenge has seen to it
			lines = append(lines, g.header+": "+c.String())
		}
	}
	return lines
}

// usableChallenge returns the first that can be answered: the server's favourite.
func usableChallenge(m *message, header string) *digest.Challenge {
	for _, h := range m.headers {
		if h.name != header {
			continue
		}
		d, err := digest.ParseChallenge(h.value)
		if err != nil || d.Nonce == "" {
			continue
		}
		d.Algorithm = strings.TrimSpace(d.Algorithm)
		switch strings.ToUpper(d.Algorithm) {
		case "", "MD5", "SHA-256":
		default:
			continue
		}
		if auth(d.QOP) {
			d.QOP = []string{"auth"}
			return d
		}
		if len(d.QOP) == 0 {
			return d
		}
	}
	return nil
}

func auth(qop []string) bool {
	return slices.ContainsFunc(qop, func(q string) bool { return strings.EqualFold(strings.TrimSpace(q), "auth") })
}
