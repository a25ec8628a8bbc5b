package calls

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/icholy/digest"
)

// guarded is a server that wants credentials for every request but ACK and CANCEL.
type guarded struct {
	mu        sync.Mutex
	algorithm string
	proxy     bool
	oneTime   bool // a nonce serves one request
	nonce     int
	count     int // of the nonce
	denied    int
	fault     error
	invite    string // the credentials of the last INVITE
}

const password = "open sesame"

func (g *guarded) handle(v *visit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	given := v.get("authorization") + v.get("proxy-authorization")
	switch v.method {
	case "INVITE":
		g.invite = given
	case "ACK":
		if v.uri != v.peer.uri() && given != g.invite { // of a 2xx (RFC 3261 section 22.1)
			g.fault = fmt.Errorf("ACK with %q, want %q", given, g.invite)
		}
	}
	if v.method == "ACK" || v.method == "CANCEL" || g.allows(v) {
		accept(v)
		return
	}
	g.denied++
	g.challenge(v)
}

func (g *guarded) challenge(v *visit) {
	stale := ""
	if g.nonce > 0 {
		stale = ", stale=TRUE"
	}
	g.nonce++
	g.count = 0
	status, name := 401, "WWW-Authenticate"
	if g.proxy {
		status, name = 407, "Proxy-Authenticate"
	}
	c := fmt.Sprintf(`%s: Digest realm="here", nonce="%d", algorithm=%s, qop="auth-int, auth", opaque="o"%s`, name, g.nonce, g.algorithm, stale)
	v.answer(status, "Who?", "", name+`: Digest realm="here", nonce="x", algorithm=TOKEN`, c)
}

func (g *guarded) allows(v *visit) bool {
	name := "authorization"
	if g.proxy {
		name = "proxy-authorization"
	}
	text := v.get(name)
	if text == "" {
		return false
	}
	c, err := digest.ParseCredentials(text)
	if err != nil {
		g.fault = err
		return false
	}
	if c.Nonce != fmt.Sprint(g.nonce) || g.oneTime && g.count > 0 {
		return false
	}
	g.count++
	if c.Nc != g.count || c.URI != v.uri || c.QOP != "auth" {
		g.fault = fmt.Errorf("%s: nonce count %d, want %d; URI %s, want %s; qop %s", v.method, c.Nc, g.count, c.URI, v.uri, c.QOP)
	}
	want, err := digest.Digest(&digest.Challenge{Realm: "here", Nonce: c.Nonce, Algorithm: g.algorithm, QOP: []string{"auth"}},
		digest.Options{Method: v.method, URI: v.uri, Username: "ann", Password: password, Count: c.Nc, Cnonce: c.Cnonce})
	return err == nil && want.Response == c.Response
}

func TestCredentials(t *testing.T) {
	for name, g := range map[string]*guarded{
		"MD5":            {algorithm: "MD5"},
		"SHA-256":        {algorithm: "SHA-256"},
		"a proxy":        {algorithm: "md5", proxy: true},
		"one-time nonce": {algorithm: "MD5", oneTime: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, "udp", g.handle)
			a := p.agent(func(c *Config) { c.Username, c.Password = "ann", password })
			if err := a.Options(deadline(t), p.uri()); err != nil {
				t.Fatal(err)
			}
			c := p.call(a)
			if err := c.Hangup(deadline(t)); err != nil {
				t.Fatal(err)
			}
			g.mu.Lock()
			defer g.mu.Unlock()
			if want := map[bool]int{false: 2, true: 3}[g.oneTime]; g.denied != want || g.fault != nil {
				t.Errorf("%d requests were denied, want %d; %v", g.denied, want, g.fault)
			}
		})
	}
}

func TestWrongCredentials(t *testing.T) {
	always := `WWW-Authenticate: Digest realm="here", nonce="1", qop="auth"`
	for name, test := range map[string]struct {
		handle  func(*visit)
		invites int
	}{
		"wrong":              {(&guarded{algorithm: "MD5"}).handle, 3}, // the server always calls it stale
		"the same challenge": {func(v *visit) { refuseINVITE(v, 401, always) }, 2},
		"for ever stale":     {func(v *visit) { refuseINVITE(v, 401, always+", stale=true") }, 3},
		"forbidden":          {forbid, 2},
		"unknown kind":       {func(v *visit) { refuseINVITE(v, 401, `WWW-Authenticate: Digest realm="r", nonce="n", algorithm=X`) }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, "udp", test.handle)
			a := p.agent(func(c *Config) { c.Username, c.Password = "ann", "wrong" })
			_, err := a.Call(deadline(t), p.uri(), someOffer())
			wantCause(t, err, Unauthorized, "")
			n := 0
			for len(p.visits) > 0 {
				if v := <-p.visits; v.method == "INVITE" {
					n++
				}
			}
			if n != test.invites {
				t.Errorf("%d INVITEs, want %d", n, test.invites)
			}
		})
	}
}

func refuseINVITE(v *visit, status int, lines ...string) {
	if v.method == "INVITE" {
		v.answer(status, "No", "", lines...)
	}
}

func forbid(v *visit) {
	if strings.Contains(v.get("authorization"), "ann") {
		refuseINVITE(v, 403)
		return
	}
	refuseINVITE(v, 401, `WWW-Authenticate: Digest realm="here", nonce="1"`)
}

func TestAtMostSoManyRealms(t *testing.T) {
	p := prover{username: "ann"}
	for i := range maxChallenges + 1 {
		m := &message{status: 401, headers: []header{{"www-authenticate", fmt.Sprintf(`Digest realm="%d", nonce="n"`, i)}}}
		if got, want := p.take(m), i < maxChallenges; got != want {
			t.Errorf("realm number %d is taken: %v", i+1, got)
		}
	}
	if got := len(p.headers("INVITE", "sip:a")); got != maxChallenges {
		t.Errorf("%d credentials", got)
	}
}
