package focus

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/internal/testkit/wait"
)

// Whatever a stranger asks without a call leaves no transaction; repeated, it is answered
// again, with the same tag.
func TestStrangersLeaveNoTransaction(t *testing.T) {
	s := start(t)
	for method, code := range map[string]int{"OPTIONS": 200, "REGISTER": 405, "BYE": 481, "FROBNICATE": 501} {
		p := dial(t, "UDP", s.addr(0))
		req := p.request(method, "", "")
		first, again := p.expect(code, req), p.untilHandled(s, 2, code, req)
		a, _ := first.To().Params.Get("tag")
		b, _ := again.To().Params.Get("tag")
		if a == "" || a != b {
			t.Errorf("%s: the tags are %q and %q", method, a, b)
		}
		if other := p.expect(code, p.request(method, "", "")); tagOf(other.To().Params) == a {
			t.Errorf("%s: two requests have one tag", method)
		}
	}
}

// untilHandled repeats a request until so many of its method have been handled: one that is
// right behind the first finds the transaction still there.
func (p *peer) untilHandled(s *server, n uint64, code int, req string) (res *sip.Response) {
	p.t.Helper()
	method, _, _ := strings.Cut(req, " ")
	if !isKnownMethod(sip.RequestMethod(method)) {
		method = "other"
	}
	wait.For(p.t, "the request to be handled again", func() bool {
		res = p.expect(code, req)
		return s.Stats().Requests[method] >= n
	})
	return res
}

// Refused INVITEs keep their transactions as long as there are few.
func TestFewRefusedInvitesLinger(t *testing.T) {
	s := start(t, func(c *Config) { c.maxLingering = 1 })
	p, q := dial(t, "UDP", s.addr(0)), dial(t, "UDP", s.addr(0))
	p.room, q.room = "%2F", "%2F"
	for _, c := range []struct {
		p       *peer
		handled uint64 // INVITEs, after it came twice
	}{{p, 1}, {q, 3}} {
		req := c.p.request("INVITE", "", offer(c.p.local, "sendrecv"))
		first, again := c.p.expect(404, req), c.p.untilHandled(s, c.handled, 404, req)
		if a, b := tagOf(first.To().Params), tagOf(again.To().Params); a == "" || a != b {
			t.Errorf("the tags are %q and %q", a, b)
		}
		if n := s.Stats().Requests["INVITE"]; n != c.handled {
			t.Errorf("%d INVITEs were handled, want %d", n, c.handled)
		}
	}
	if n := s.lingering.Load(); n != 1 {
		t.Errorf("%d transactions linger, want 1", n)
	}
	p.send(p.buildBranch(p.branch, "ACK", p.cseq, "", ""))
	wait.For(t, "the transaction to end", func() bool { return s.lingering.Load() == 0 })
}
