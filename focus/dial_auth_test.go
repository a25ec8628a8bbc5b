package focus

import (
	"fmt"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/rooms"
)

var bored = rooms.Reason{Code: rooms.ReasonRemoved, Text: "bored"}

// challenge is what a server asks with.
type challenge struct {
	code             int
	realm, nonce     string
	algorithm, extra string
}

func (c challenge) header() string {
	name := "WWW-Authenticate"
	if c.code == 407 {
		name = "Proxy-Authenticate"
	}
	alg := ""
	if c.algorithm != "" {
		alg = ", algorithm=" + c.algorithm
	}
	return fmt.Sprintf("%s: Digest realm=\"%s\", nonce=\"%s\"%s%s\n", name, c.realm, c.nonce, alg, c.extra)
}

// checkProof checks credentials as a server does.
func (c challenge) checkProof(t *testing.T, req *sip.Request, user, password string) {
	t.Helper()
	name := "Authorization"
	if c.code == 407 {
		name = "Proxy-Authorization"
	}
	for _, h := range req.GetHeaders(name) {
		got, err := digest.ParseCredentials(h.Value())
		if err != nil {
			t.Fatal(err)
		}
		if got.Realm != c.realm {
			continue
		}
		chal, err := digest.ParseChallenge(strings.SplitN(strings.TrimSpace(c.header()), ": ", 2)[1])
		if err != nil {
			t.Fatal(err)
		}
		if got.QOP != "" {
			chal.QOP = []string{"auth"}
		}
		want, err := digest.Digest(chal, digest.Options{
			Method: string(req.Method), URI: got.URI, Count: got.Nc, Cnonce: got.Cnonce, Username: user, Password: password,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got.Response != want.Response || got.Nonce != c.nonce || got.Username != user || got.URI != req.Recipient.String() {
			t.Errorf("credentials are %s, want the response %s", h.Value(), want.Response)
		}
		return
	}
	t.Errorf("no %s for %s in\n%s", name, c.realm, req)
}

// A proxy and the callee ask in turn, the proxy once more because its nonce was too old. The
// ACK has the credentials of the INVITE, and a BYE that is challenged gets its own.
func TestDigest(t *testing.T) {
	leak.Check(t)
	s := start(t)
	for name, qop := range map[string]string{"qop": `, qop="auth-int, auth"`, "no qop": "", "opaque": `, qop="auth", opaque="x\"y"`} {
		t.Run(name, func(t *testing.T) {
			c := listen(t, "UDP")
			_, w := s.call(c, func(r *rooms.DialRequest) { r.Username, r.Password = "alice", "secret: \"x\"" })
			check := func(req *sip.Request, all ...challenge) {
				t.Helper()
				for _, a := range all {
					a.checkProof(t, req, "alice", "secret: \"x\"")
				}
			}
			first := challenge{407, "proxy", "n1", "", qop}
			stale := challenge{407, "proxy", "n2", "MD5", qop + ", stale=TRUE"}
			server := challenge{401, "server", "n3", "SHA-256", qop}
			invite := c.expect(sip.INVITE)
			c.answer(invite, 407, "p", first.header(), "")
			again := c.await(sip.INVITE)
			if again.CSeq().SeqNo != invite.CSeq().SeqNo+1 || again.CallID().Value() != invite.CallID().Value() ||
				again.From().Value() != invite.From().Value() || string(again.Body()) != string(invite.Body()) {
				t.Errorf("the second INVITE is\n%s", again)
			}
			check(again, first)
			c.answer(again, 407, "p", stale.header(), "")
			again = c.await(sip.INVITE)
			check(again, stale)
			unknown := challenge{401, "other", "x", "SHA-999", ""}
			c.answer(again, 401, "s", unknown.header()+server.header(), "")
			again = c.await(sip.INVITE)
			check(again, stale, server)
			ack := c.pickUp(again, "b", "")
			for _, name := range []string{"Authorization", "Proxy-Authorization"} {
				if header(t, ack, name) != header(t, again, name) {
					t.Errorf("the ACK's %s is not the INVITE's", name)
				}
			}
			w.participant()
			s.only().End(bored)
			bye := c.await(sip.BYE)
			c.answer(bye, 407, "", stale.header(), "")
			c.answer(bye, 407, "", stale.header(), "")
			bye = c.await(sip.BYE)
			check(bye, stale)
			c.answer(bye, 200, "", "", "")
			s.undialled()
		})
	}
}

// Wrong credentials are offered once.
func TestWrongCredentials(t *testing.T) {
	leak.Check(t)
	s := start(t)
	plain := challenge{401, "r", "n", "", ""}
	stale := challenge{401, "r", "n", "", ", stale=true"}
	for name, c := range map[string]struct {
		asks []string
		text string
	}{
		"refused":      {[]string{plain.header(), plain.header()}, errBadLogin.Error()},
		"always stale": {[]string{stale.header(), stale.header(), stale.header()}, errBadLogin.Error()},
		"basic":        {[]string{"WWW-Authenticate: Basic realm=\"r\"\n"}, errNoScheme.Error()},
		"auth-int":     {[]string{challenge{401, "r", "n", "", `, qop="auth-int"`}.header()}, errNoScheme.Error()},
		"no challenge": {[]string{""}, errNoScheme.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			callee := listen(t, "UDP")
			_, w := s.call(callee, func(r *rooms.DialRequest) { r.Username, r.Password = "alice", "wrong" })
			for _, ask := range c.asks {
				callee.answer(callee.await(sip.INVITE), 401, "b", ask, "")
			}
			if f := w.failure(); f != (rooms.DialFailure{Outcome: rooms.OutcomeFailed, Status: 401, Text: c.text}) {
				t.Errorf("the room was told %+v, want %q", f, c.text)
			}
			s.undialled()
		})
	}
}

// Any number of realms on the way is too many.
func TestTooManyRealms(t *testing.T) {
	s := start(t)
	c := listen(t, "UDP")
	_, w := s.call(c, func(r *rooms.DialRequest) { r.Username, r.Password = "alice", "x" })
	for i := range maxRealms + 1 {
		c.answer(c.await(sip.INVITE), 407, "b", challenge{407, fmt.Sprint("realm", i), "n", "", ""}.header(), "")
	}
	if f := w.failure(); f.Text != errTooRealms.Error() {
		t.Errorf("the room was told %+v", f)
	}
	s.undialled()
}
