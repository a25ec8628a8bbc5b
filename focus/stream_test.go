package focus

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
)

// Over a connection that the server has opened the guard reads, too; and if the peer hangs
// it up, the next request opens another, which the guard reads as well.
func TestDialledConnections(t *testing.T) {
	leak.Check(t)
	s := start(t, withListen(Listen{"tcp", "127.0.0.1:0"}))
	c := listen(t, "TCP")
	_, w := s.call(c)
	invite := c.expect(sip.INVITE)
	c.pickUp(invite, "b", "")
	w.participant()
	wrong := func() {
		t.Helper()
		before := refusedByGuard(s)
		c.send("OPTIONS sip:x SIP/2.0\nVia: SIP/2.0/TCP x;branch=z9hG4bK1\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>\n" +
			"Call-ID: 1\nCSeq: none OPTIONS\nContent-Length: 0\n\n")
		wait.For(t, "the guard to refuse it", func() bool { return refusedByGuard(s) > before })
	}
	wrong()
	c.hangUpConnection()
	d := s.only()
	wait.For(t, "the connection to go", func() bool { return !s.isConnected("TCP", c.addr.String()) })
	d.End(bored)
	bye := c.await(sip.BYE)
	wrong()
	c.answer(bye, 200, "", "", "")
	s.undialled()
}

// refusedByGuard counts what the guard has refused.
func refusedByGuard(s *server) (n uint64) {
	for _, v := range s.cfg.Guard.Stats().Refused {
		n += v
	}
	return n
}

// sipgo never opens a connection by itself.
func TestNoConnectionsBehindTheGuard(t *testing.T) {
	s := start(t, withListen(Listen{"tcp", "127.0.0.1:0"}))
	c := listen(t, "TCP")
	for _, network := range []string{"TCP", "TLS"} {
		req := sip.NewRequest(sip.OPTIONS, uri(t, "sip:x@"+c.addr.String()))
		req.AppendHeader(&sip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: network, Params: sip.HeaderParams{{K: "branch", V: "z9hG4bK1"}}})
		req.SetTransport(network)
		if _, err := s.tpl.ClientRequestConnection(t.Context(), req); !errors.Is(err, errOwnConnections) {
			t.Errorf("%s: got %v", network, err)
		}
	}
}

// A certificate counts for the name that it was checked for.
func TestVerifiedNames(t *testing.T) {
	v := newStreams()
	v.setVerified("127.0.0.1:5061", "a.example.com")
	if v.isFor("127.0.0.1:5061", "b.example.com") || !v.isFor("127.0.0.1:5061", "a.example.com") {
		t.Error("a name counts for another")
	}
	for i := range maxVerified + 1 {
		v.setVerified(netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(i)).String(), "x")
	}
	if len(v.verified) > maxVerified {
		t.Errorf("%d addresses are remembered", len(v.verified))
	}
}

// zone is DNS as a test has it.
type zone struct {
	hosts map[string][]string
	srv   map[string][]*net.SRV
}

func (z zone) LookupNetIP(_ context.Context, _, host string) (out []netip.Addr, err error) {
	for _, a := range z.hosts[strings.TrimSuffix(host, ".")] {
		out = append(out, netip.MustParseAddr(a))
	}
	if out == nil {
		err = errors.New("no such host")
	}
	return out, err
}

func (z zone) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	if list := z.srv["_"+service+"._"+proto+"."+name]; list != nil {
		return "", list, nil
	}
	return "", nil, errors.New("no such record")
}

// RFC 3263 section 4.2, and its bounds.
func TestHops(t *testing.T) {
	a := &Agent{resolver: zone{
		hosts: map[string][]string{
			"example.com": {"2001:db8::1", "192.0.2.1"}, "p1.example.com": {"192.0.2.11"}, "p2.example.com": {"192.0.2.12"},
			"many.example.com": {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"},
		},
		srv: map[string][]*net.SRV{
			"_sip._udp.srv.example.com":  {{Target: "p1.example.com.", Port: 5062}, {Target: "gone.example.com.", Port: 1}, {Target: "p2.example.com.", Port: 5060}},
			"_sips._tcp.srv.example.com": {{Target: "p2.example.com.", Port: 5071}},
			"_sip._tcp.lost.example.com": {{Target: "gone.example.com.", Port: 1}},
		},
	}}
	for in, want := range map[string]string{
		"sip:x@192.0.2.9":                      "192.0.2.9:5060",
		"sip:x@[::ffff:192.0.2.9]":             "192.0.2.9:5060",
		"sips:x@[2001:db8::2]":                 "[2001:db8::2]:5061",
		"sip:x@example.com":                    "192.0.2.1:5060 [2001:db8::1]:5060",
		"sip:x@example.com:5080":               "192.0.2.1:5080 [2001:db8::1]:5080",
		"sip:x@srv.example.com":                "192.0.2.11:5062 192.0.2.12:5060",
		"sips:x@srv.example.com":               "192.0.2.12:5071",
		"sip:x@srv.example.com:5060":           "no such host",
		"sip:x@lost.example.com;transport=tcp": "no such host",
		"sip:x@many.example.com":               "192.0.2.1:5060 192.0.2.2:5060 192.0.2.3:5060 192.0.2.4:5060",
	} {
		u := uri(t, in)
		network, err := networkOf(u)
		if err != nil {
			t.Fatal(err)
		}
		list, err := a.hops(t.Context(), u, network)
		var got []string
		for _, h := range list {
			got = append(got, h.addr.String())
			if h.host != unbracket(u.Host) {
				t.Errorf("%s: the certificate is to name %s", in, h.host)
			}
		}
		if err != nil {
			got = []string{err.Error()}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", in, got, want)
		}
	}
}

// The next address is tried where one cannot be reached.
func TestNextHop(t *testing.T) {
	leak.Check(t)
	s := start(t, withListen(Listen{"tcp", "127.0.0.1:0"}))
	c := listen(t, "TCP")
	dead := listen(t, "TCP")
	dead.close()
	s.resolver = zone{
		hosts: map[string][]string{"here": {"127.0.0.1"}},
		srv: map[string][]*net.SRV{"_sip._tcp.callee.test": {
			{Target: "here.", Port: dead.addr.Port()}, {Target: "here.", Port: c.addr.Port()},
		}},
	}
	w := s.watcher()
	if _, err := s.Dial(t.Context(), dialRequest(w, "sip:bob@callee.test;transport=tcp"), w); err != nil {
		t.Fatal(err)
	}
	c.answer(c.await(sip.INVITE), 486, "b", "", "")
	w.failure()
	s.undialled()
}
