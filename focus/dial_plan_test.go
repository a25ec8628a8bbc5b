package focus

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/focus/guard"
	"github.com/confd/confd/rooms"
)

func TestParseTarget(t *testing.T) {
	for in, want := range map[string]string{
		"sip:bob@example.com":                       "sip:bob@example.com UDP",
		"SIP:bob@example.com:5070;transport=TCP":    "sip:bob@example.com:5070;transport=TCP TCP",
		"sip:bob@example.com;transport=tls":         "sip:bob@example.com;transport=tls TLS",
		"sips:bob@example.com":                      "sips:bob@example.com TLS",
		"sips:bob@example.com;transport=tcp":        "sips:bob@example.com;transport=tcp TLS",
		"sip:example.com":                           "sip:example.com UDP",
		"sip:+49%2330@[2001:db8::1]:5060":           "sip:+49%2330@[2001:db8::1]:5060 UDP",
		"sip:1;phone-context=x@h;user=phone":        "sip:1;phone-context=x@h;user=phone UDP",
		"tel:+49(30)123-45.6":                       "tel:+49301234 56",
		"tel:*21#":                                  "tel:*21#",
		"":                                          "there is no address",
		"bob":                                       "is no address to call",
		"bob@example.com":                           "is no address to call",
		"mailto:bob@example.com":                    "is no address to call",
		"sip:":                                      "is no host name",
		"sip:@":                                     "is no host name",
		"sip:bob@":                                  "is no host name",
		"sip://bob@example.com":                     "has //",
		"sip:bob:secret@example.com":                "must not hold a password",
		"sip:bob@example.com?Replaces=x":            "cannot hold headers",
		"sip:bob@exa mple.com":                      "the byte 0x20",
		"sip:bob@example.com\r\nX: y":               "the byte 0x0d",
		"sip:bob@example.com\x00":                   "the byte 0x00",
		"sip:b\u00f6b@example.com":                  "the byte 0xc3",
		"sip:<bob>@example.com":                     "the byte 0x3c",
		"sip:a,b@example.com":                       "the byte 0x2c",
		"sip:bob%zz@example.com":                    "without two hexadecimal",
		"sip:bob%4@example.com":                     "without two hexadecimal",
		"sip:b#b@example.com":                       "is no user",
		"sip:bob@example.com@evil.com":              "is no host name",
		"sip:bob@-example.com":                      "is no host name",
		"sip:bob@exa_mple.com":                      "is no host name",
		"sip:bob@[::1":                              "cannot be read",
		"sip:bob@[fe80::1%25eth0]":                  "is no host name",
		"sip:bob@example.com:99999":                 "is no port",
		"sip:bob@example.com:-1":                    "is no port",
		"sip:bob@example.com:x":                     "cannot be read",
		"sip:bob@example.com;maddr=1.2.3.4":         "maddr",
		"sip:bob@example.com;METHOD=BYE":            "METHOD",
		"sip:bob@example.com;transport=ws":          "no transport",
		"sips:bob@example.com;transport=udp":        "needs TLS",
		"tel:":                                      "no telephone number",
		"tel:+":                                     "no telephone number",
		"tel:abc":                                   "no telephone number",
		"tel:1+2":                                   "no telephone number",
		"tel:+1;phone-context=x":                    "no telephone number",
		"tel:" + strings.Repeat("1", 33):            "no telephone number",
		"sip:" + strings.Repeat("a", 600) + "@h.de": "at most 512",
	} {
		u, err := parseTarget(in)
		if err != nil {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, want %q", in, err, want)
			}
			continue
		}
		got := u.String()
		if u.Scheme == "tel" {
			got, want = "tel:"+u.User, strings.ReplaceAll(want, " ", "")
		} else if network, err := networkOf(u); err == nil {
			got += " " + network
		}
		if got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestExtraHeaders(t *testing.T) {
	many := map[string]string{}
	for i := range maxHeaders + 1 {
		many[fmt.Sprint("X-", i)] = "v"
	}
	large := map[string]string{}
	for i := range 9 {
		large[fmt.Sprint("X-", i)] = strings.Repeat("v", 1000)
	}
	for name, c := range map[string]struct {
		add  map[string]string
		want string
	}{
		"too large":   {large, "more than 8192 bytes together"},
		"some":        {map[string]string{"X-B": " 2 ", "X-A": "\u00e4"}, "X-A: \u00e4|X-B: 2"},
		"longest":     {map[string]string{strings.Repeat("x", 64): strings.Repeat("v", 1024)}, strings.Repeat("x", 64) + ": " + strings.Repeat("v", 1024)},
		"own":         {map[string]string{"ROUTE": "<sip:x>"}, "is the server's own"},
		"compact":     {map[string]string{"f": "x"}, "is no header name"},
		"line break":  {map[string]string{"X-A": "1\r\nVia: x"}, "without control characters"},
		"bare return": {map[string]string{"X-A": "1\rx"}, "without control characters"},
		"colon":       {map[string]string{"X-A:": "1"}, "is no header name"},
		"space":       {map[string]string{"X A": "1"}, "is no header name"},
		"empty":       {map[string]string{"X-A": " "}, "1 to 1024 bytes"},
		"not UTF-8":   {map[string]string{"X-A": "\xff"}, "without control characters"},
		"C1":          {map[string]string{"X-A": "\u0085"}, "without control characters"},
		"twice":       {map[string]string{"X-A": "1", "x-a": "2"}, "given twice"},
		"long name":   {map[string]string{strings.Repeat("x", 65): "v"}, "is no header name"},
		"long value":  {map[string]string{"X-A": strings.Repeat("v", 1025)}, "1 to 1024 bytes"},
		"too many":    {many, "at most 32"},
	} {
		hs, err := extraHeaders(c.add)
		var lines []string
		for _, h := range hs {
			lines = append(lines, h.Name()+": "+h.Value())
		}
		got := strings.Join(lines, "|")
		if err != nil {
			if got = err.Error(); strings.Contains(got, c.want) {
				continue
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestPlan(t *testing.T) {
	trunk := Trunk{Address: "gw.example.com:5070;transport=tcp", Username: "u", Password: "p", From: "4930"}
	all := trunk
	all.All = true
	type want struct{ target, next, network, from, user, route string }
	for name, c := range map[string]struct {
		trunk Trunk
		req   rooms.DialRequest
		want  want
	}{
		"a number": {trunk, rooms.DialRequest{To: "tel:+1-2"}, want{
			"sip:+12@gw.example.com:5070;user=phone", "sip:gw.example.com:5070;transport=tcp", "TCP", "sip:4930@gw.example.com", "u", ""}},
		"a caller": {trunk, rooms.DialRequest{To: "tel:*21#", From: "7"}, want{
			"sip:*21%23@gw.example.com:5070;user=phone", "sip:gw.example.com:5070;transport=tcp", "TCP", "sip:7@gw.example.com", "u", ""}},
		// the trunk's credentials and caller go to the trunk only
		"elsewhere": {trunk, rooms.DialRequest{To: "sip:b@other.example.com", Room: "r"}, want{
			"sip:b@other.example.com", "sip:b@other.example.com", "UDP", "sip:r@", "", ""}},
		"another port": {trunk, rooms.DialRequest{To: "sip:b@gw.example.com", Room: "r"}, want{
			"sip:b@gw.example.com", "sip:b@gw.example.com", "UDP", "sip:r@", "", ""}},
		"the trunk": {trunk, rooms.DialRequest{To: "sip:b@GW.example.com:5070;transport=tls"}, want{
			"sip:b@GW.example.com:5070;transport=tls", "sip:b@GW.example.com:5070;transport=tls", "TLS", "sip:4930@gw.example.com", "u", ""}},
		"own login": {trunk, rooms.DialRequest{To: "tel:1", Username: "me", From: "sip:a@b.de;x=y"}, want{
			"sip:1@gw.example.com:5070;user=phone", "sip:gw.example.com:5070;transport=tcp", "TCP", "sip:a@b.de", "me", ""}},
		"all": {all, rooms.DialRequest{To: "sip:b@other.example.com"}, want{
			"sip:b@other.example.com", "sip:gw.example.com:5070;transport=tcp", "TCP", "sip:4930@gw.example.com", "u", "sip:gw.example.com:5070;transport=tcp;lr"}},
	} {
		cfg := Config{Trunk: c.trunk}
		p, err := cfg.planCall(&c.req)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := want{p.target.String(), p.next.String(), p.network, p.from.Address.String(), p.login.username, ""}
		if len(p.routes) > 0 {
			got.route = p.routes[0].String()
		}
		if got != c.want {
			t.Errorf("%s: got  %+v\nwant %+v", name, got, c.want)
		}
	}
	for field, req := range map[string]rooms.DialRequest{
		"to":          {To: "tel:1"},
		"from":        {To: "sip:a@b", From: "a b"},
		"caller_name": {To: "sip:a@b", DisplayName: "a\nb"},
		"headers":     {To: "sip:a@b", Headers: map[string]string{"Via": "x"}},
		"username":    {To: "sip:a@b", Password: "x"},
		"timeout":     {To: "sip:a@b", Timeout: time.Hour},
	} {
		_, err := (&Config{}).planCall(&req)
		if e, ok := err.(*rooms.Error); !ok || e.Code != rooms.Invalid || e.Field != field {
			t.Errorf("%s: got %v", field, err)
		}
	}
	for _, bad := range []Trunk{
		{Address: "x y"}, {Address: "sip:u@h"}, {Address: "h;transport=ws"}, {Address: "h", From: "a b"}, {Address: "h", Password: "x"},
	} {
		if err := (&Config{Trunk: bad}).completeDialOut(); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	if _, err := (&Config{Trunk: all}).planCall(&rooms.DialRequest{To: "sips:a@b"}); err == nil {
		t.Error("sips: goes by way of TCP")
	}
}

// planned makes the INVITE of a request, without sending it.
func planned(cfg *Config, req rooms.DialRequest) (*sip.Request, error) {
	p, err := cfg.planCall(&req)
	if err != nil {
		return nil, err
	}
	a := &Agent{cfg: *cfg, name: "confd/test"}
	a.tpl = sip.NewTransportLayer(nil, sip.NewParser(), nil)
	o := &outgoing{
		agent: a, req: req, plan: p, callID: "id", tag: "tag", body: []byte("v=0\r\n"), interval: sessionTerms{1800, 90},
		hop: hop{network: p.network, addr: addrPort(fakeAddr("127.0.0.1:5060"))}, here: addrPort(fakeAddr("127.0.0.1:5070")),
	}
	return o.invite()
}

type fakeAddr string

func (fakeAddr) Network() string  { return "udp" }
func (a fakeAddr) String() string { return string(a) }

// Whatever is asked for is refused, or leads to an INVITE that has the headers it should
// have, and no more, in the eyes of the guard and of sipgo.
func FuzzInvite(f *testing.F) {
	f.Add("sip:bob@example.com", "sip:a@b.de", "The \"Room\"", "X-Account", "4711")
	f.Add("sips:b%20b@[2001:db8::1]:5061;transport=tcp;user=phone", "4930", "\u00e4\\", "P-Asserted-Identity", "<sip:1@x>")
	f.Add("tel:+49(30)1-2", "", "", "Subject", "a\r\nb")
	f.Add("sip:a@b?Replaces=x", "a;b", "\x00", "Ro ute", "")
	f.Add("sip:1;x=y@h;lr;maddr=1.2.3.4", "sip:x:y@z", "x", "via", "SIP/2.0/UDP x")
	f.Fuzz(func(t *testing.T, to, from, display, name, value string) {
		cfg := &Config{Trunk: Trunk{Address: "gw.example.com", Username: "u"}}
		req := rooms.DialRequest{To: to, From: from, DisplayName: display, Room: "room", Headers: map[string]string{name: value}}
		invite, err := planned(cfg, req)
		if err != nil {
			if rooms.CodeOf(err) != rooms.Invalid {
				t.Fatalf("what was not refused at once cannot be sent: %v\n%q", err, req)
			}
			return
		}
		text := invite.String()
		if v := guard.Check([]byte(text), true); v.Action != guard.Pass {
			t.Fatalf("the guard says %v to\n%s", v.Reason, text)
		}
		msg, err := sip.ParseMessage([]byte(text))
		if err != nil {
			t.Fatalf("sipgo cannot read it: %v\n%s", err, text)
		}
		back, ok := msg.(*sip.Request)
		if !ok || len(back.Headers()) != len(invite.Headers()) {
			t.Fatalf("%d headers became %d:\n%s", len(invite.Headers()), len(back.Headers()), text)
		}
		if back.Recipient.String() != invite.Recipient.String() || back.Via().Value() != invite.Via().Value() ||
			back.From().Address.String() != invite.From().Address.String() || string(back.Body()) != "v=0\r\n" {
			t.Fatalf("it reads as\n%s\nbut was\n%s", back, invite)
		}
	})
}

// A challenge leads to credentials that read as what they are, or to nothing.
func FuzzChallenge(f *testing.F) {
	f.Add(`Digest realm="a", nonce="b", qop="auth-int, auth", algorithm=SHA-256, opaque="x\"y", stale=true`, true)
	f.Add(`Digest realm="a",nonce="b"`, false)
	f.Add("Digest realm=\"\u00e4\",\tnonce=\"\\\\\", userhash=true", false)
	f.Add(`Basic realm="x"`, false)
	f.Fuzz(func(t *testing.T, v string, proxy bool) {
		res, name := sip.NewResponse(401, ""), "WWW-Authenticate"
		if proxy {
			res, name = sip.NewResponse(407, ""), "Proxy-Authenticate"
		}
		res.AppendHeader(sip.NewHeader(name, v))
		req := sip.NewRequest(sip.INVITE, sip.Uri{Scheme: "sip", User: "b", Host: "h"})
		p := prover{login: login{"alice", "secret"}}
		proof, err := p.answer(req, res)
		if err != nil {
			return
		}
		if len(proof) != 1 || hasControl(proof[0].Value()) || strings.Contains(proof[0].Value(), "secret") {
			t.Fatalf("credentials are %q", proof)
		}
		if _, err := p.answer(req, res); err == nil {
			if _, err = p.answer(req, res); err == nil {
				t.Fatal("it is answered a third time")
			}
		}
	})
}

// What a refusal says becomes text that can be shown.
func FuzzOutcome(f *testing.F) {
	f.Add(503, "Service Unavailable", "120 (maintenance);duration=5", `SIP;cause=503;text="a \"b\""`, `399 x "y"`)
	f.Add(302, "", "x", ";text=", "1 2")
	f.Add(999, "\xff\x00", "99999999999999999999", `x;text="\`, "")
	f.Fuzz(func(t *testing.T, code int, phrase, retry, reason, warn string) {
		res := sip.NewResponse(code, phrase)
		for name, v := range map[string]string{"Retry-After": retry, "Reason": reason, "Warning": warn} {
			res.AppendHeader(sip.NewHeader(name, v))
		}
		got := outcomeOf(res)
		if got.Status != code || got.Outcome == "" || hasControl(got.Text) || len(got.Text) > 1024 || got.Text == "" {
			t.Fatalf("got %+v", got)
		}
		if n, ok := parseRetryAfter(retry); n < 0 || ok && n > maxDelta {
			t.Fatalf("Retry-After is %d", n)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	for in, want := range map[string]int{
		"18000;duration=3600": 18000, "120 (I'm in a meeting)": 120, "5": 5, " 7": 7, "": -1, "x": -1, ";x": -1, "-1": -1,
	} {
		got, ok := parseRetryAfter(in)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %d, %v; want %d", in, got, ok, want)
		}
	}
}
