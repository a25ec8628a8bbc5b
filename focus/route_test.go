package focus

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/rooms"
)

func uri(t *testing.T, s string) sip.Uri {
	t.Helper()
	var u sip.Uri
	if err := sip.ParseUri(s, &u); err != nil {
		t.Fatal(err)
	}
	return u
}

// RFC 3261 section 12.2.1.1, and its examples in section 16.12.1.
func TestRouting(t *testing.T) {
	target := uri(t, "sip:callee@u2.domain.com")
	for _, c := range []struct {
		routes    []string
		wantURI   string
		wantRoute []string
	}{
		{nil, "sip:callee@u2.domain.com", nil},
		{
			[]string{"sip:p1.example.com;lr", "sip:p2.domain.com;lr"},
			"sip:callee@u2.domain.com", []string{"sip:p1.example.com;lr", "sip:p2.domain.com;lr"},
		},
		{
			[]string{"sip:p3.middle.com", "sip:p2.domain.com;lr"},
			"sip:p3.middle.com", []string{"sip:p2.domain.com;lr", "sip:callee@u2.domain.com"},
		},
	} {
		var routes []sip.Uri
		for _, r := range c.routes {
			routes = append(routes, uri(t, r))
		}
		gotURI, gotRoutes := routing(target, routes)
		var got []string
		for _, r := range gotRoutes {
			got = append(got, r.String())
		}
		if gotURI.String() != c.wantURI || strings.Join(got, " ") != strings.Join(c.wantRoute, " ") {
			t.Errorf("%v: %s by %v, want %s by %v", c.routes, gotURI.String(), got, c.wantURI, c.wantRoute)
		}
	}
}

func TestRequestsFollowTheRoute(t *testing.T) {
	for name, lr := range map[string]string{"loose": ";lr", "strict": ""} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			p, proxy := dial(t, "UDP", s.addr(0)), dial(t, "UDP", s.addr(0))
			res := p.call("Record-Route: <sip:" + proxy.local + lr + ">, <sip:far.example.com;lr>\n")
			if rr := res.GetHeaders("Record-Route"); len(rr) != 2 {
				t.Errorf("the 200 has %d Record-Route values, want 2", len(rr))
			}
			s.only().confirmed(t).End(rooms.Reason{Code: rooms.ReasonRemoved})
			bye := proxy.await(sip.BYE)
			route := bye.GetHeaders("Route")
			if len(route) != 2 {
				t.Fatalf("%d Route values, want 2:\n%s", len(route), bye)
			}
			wantURI, wantLast := p.contact, "far.example.com"
			if name == "strict" {
				wantURI, wantLast = proxy.local, p.contact
			}
			if !strings.Contains(bye.Recipient.String(), wantURI) || !strings.Contains(route[1].Value(), wantLast) {
				t.Errorf("got\n%s\nwant it for %s, the last route to be %s", bye, wantURI, wantLast)
			}
			proxy.answer(bye, 200, "", "")
			s.settled()
		})
	}
}

// A Contact that cannot be reached from here: requests go where the call came from.
func TestRequestsToAPeerBehindNAT(t *testing.T) {
	for name, contact := range map[string]string{
		"no such host":   "df7jal23ls0d.invalid:5060",
		"private, wrong": "127.0.0.9:9",
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			p := dial(t, "UDP", s.addr(0))
			p.contact = contact
			real := p.local
			if name == "private, wrong" {
				p.local = contact // in Via, too: so it believes
			}
			p.call("")
			s.only().confirmed(t).End(rooms.Reason{Code: rooms.ReasonRemoved})
			bye := p.await(sip.BYE)
			if !strings.Contains(bye.Recipient.String(), strings.Split(contact, ":")[0]) {
				t.Errorf("Request-URI is %s, want the Contact", bye.Recipient.String())
			}
			p.local = real
			p.answer(bye, 200, "", "")
			s.settled()
		})
	}
}

// A NAT that gives the peer another port meanwhile is followed, but only it.
func TestRequestsFollowTheNAT(t *testing.T) {
	const believed = "127.0.0.9:9" // what the peer takes for its address
	for name, c := range map[string]struct {
		listener int    // that the later request comes to
		host     string // and where from
		via      string // "" is what is so
		seq      int    // of the later request, beyond the one before
		code     int
		followed bool
	}{
		"another port":       {0, "127.0.0.1", believed, 1, 200, true},
		"another transport":  {1, "127.0.0.1", believed, 1, 200, false},
		"another host":       {0, "127.0.0.2", believed, 1, 200, false},
		"a CSeq seen before": {0, "127.0.0.1", believed, 0, 500, false},
		"no NAT":             {0, "127.0.0.1", "", 1, 200, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, withListen(Listen{"udp", "127.0.0.1:0"}, Listen{"tcp", "127.0.0.1:0"}))
			p := dial(t, "UDP", s.addr(0))
			if p.contact = "nobody.invalid"; c.via != "" {
				p.local = c.via
			}
			p.call("")
			s.only().confirmed(t)
			q := dialFrom(t, c.host, []string{"UDP", "TCP"}[c.listener], s.addr(c.listener))
			q.room, q.callID, q.from, q.to = p.room, p.callID, p.from, p.to
			q.contact, q.local = p.contact, p.local
			q.expect(c.code, q.build("INFO", p.cseq+c.seq, "", ""))
			s.only().End(rooms.Reason{Code: rooms.ReasonRemoved})
			there := p
			if c.followed {
				there = q
			}
			there.answer(there.await(sip.BYE), 200, "", "")
			s.settled()
		})
	}
}

func TestRequestsOverTheSameConnection(t *testing.T) {
	cert := selfSigned(t)
	s := start(t, withTLS(cert), withListen(Listen{"tcp", "127.0.0.1:0"}, Listen{"tls", "127.0.0.1:0"}))
	for i, transport := range []string{"TCP", "TLS"} {
		p := dial(t, transport, s.addr(i))
		p.contact = "127.0.0.1:9" // nobody listens there
		p.call("")
		s.only().confirmed(t).End(rooms.Reason{Code: rooms.ReasonRemoved})
		bye := p.await(sip.BYE)
		if got := bye.Via().Transport; got != transport {
			t.Errorf("Via says %s", got)
		}
		p.answer(bye, 200, "", "")
		s.settled()
	}
}

// Over every kind of listener, requests leave from the socket that the call came to.
func TestRequestsFromTheListener(t *testing.T) {
	s := start(t, withListen(Listen{"udp", ":0"}, Listen{"udp", "[::1]:0"}, Listen{"udp", "0.0.0.0:0"}, Listen{"tcp", ":0"}))
	for i, transport := range []string{"UDP", "UDP", "UDP", "TCP"} {
		addr := s.addr(i)
		if addr.Addr().IsUnspecified() {
			addr = loopback(addr)
		}
		p := dial(t, transport, addr) // connected: hears nothing from elsewhere
		p.call("")
		s.only().confirmed(t).End(rooms.Reason{Code: rooms.ReasonRemoved})
		bye := p.await(sip.BYE)
		via := bye.Via()
		if got := netip.AddrPortFrom(netip.MustParseAddr(via.Host), uint16(via.Port)); got != addr {
			t.Errorf("Via is %v, want %v", got, addr)
		}
		p.answer(bye, 200, "", "")
		s.settled()
	}
}

// An answer is never too large for the way it came (RFC 3261 section 18.2.2).
func TestLargeResponse(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	vias := strings.Repeat("Via: SIP/2.0/UDP proxy.example.com;branch=z9hG4bKabcdefghijklmnopqrstuvw\n", 60)
	res := p.call(vias)
	if n := len(res.String()); n < 4000 {
		t.Errorf("the 200 has %d bytes only", n)
	}
}

// A TCP peer that hangs up its connection is called back at its Contact, and given up on
// if that fails.
func TestConnectionLost(t *testing.T) {
	s := start(t, withListen(Listen{"tcp", "127.0.0.1:0"}))
	p := dial(t, "TCP", s.addr(0))
	p.contact = "127.0.0.1:1"
	p.call("")
	d := s.only().confirmed(t)
	p.conn.Close()
	wait.For(t, "the connection to go", func() bool { _, err := s.tpl.GetConnection("TCP", p.local); return err != nil })
	d.End(rooms.Reason{Code: rooms.ReasonRemoved})
	s.settled()
}

func TestMediaAddress(t *testing.T) {
	a := &Agent{routes: newRouteCache()}
	local := netip.MustParseAddr("127.0.0.1")
	for _, c := range []struct {
		fixed, offer  string
		nat           bool
		bind, written string
	}{
		{"", "", false, "127.0.0.1", "127.0.0.1"},
		{"", "v=0\r\nc=IN IP6 ::1\r\n", true, "::1", "::1"},
		{"", "c=IN IP4 127.0.0.9\r\n", false, "127.0.0.1", "127.0.0.1"},
		{"", "c=IN IP4 0.0.0.0\r\n", false, "127.0.0.1", "127.0.0.1"},
		{"", "c=IN IP4 nonsense\r\n", false, "127.0.0.1", "127.0.0.1"},
		{"192.0.2.7", "", false, "0.0.0.0", "192.0.2.7"},
		{"127.0.0.1", "", false, "127.0.0.1", "127.0.0.1"},
		{"192.0.2.7", "c=IN IP6 ::1\r\n", false, "::1", "::1"},
	} {
		a.routes = newRouteCache()
		a.cfg.MediaIP = netip.Addr{}
		if c.fixed != "" {
			a.cfg.MediaIP = netip.MustParseAddr(c.fixed)
		}
		bind, written, err := a.mediaAddress(local, []byte(c.offer), c.nat)
		if err != nil || bind.String() != c.bind || written.String() != c.written {
			t.Errorf("%+v: bind %v, written %v, %v", c, bind, written, err)
		}
	}
}
