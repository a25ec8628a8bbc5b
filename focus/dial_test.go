package focus

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/rooms"
)

// trusting lets the server trust the callee's certificate.
func trusting(t *testing.T, cert tls.Certificate) func(*Config) {
	t.Helper()
	c, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(c)
	return func(cfg *Config) { cfg.DialTLS = &tls.Config{RootCAs: pool} }
}

// A call over each transport, and all that can happen in it afterwards: the dialog is like
// that of a caller.
func TestDialOut(t *testing.T) {
	leak.Check(t)
	cert := selfSigned(t)
	s := start(t, withTLS(cert), trusting(t, cert), withListen(
		Listen{"udp", "127.0.0.1:0"}, Listen{"tcp", "127.0.0.1:0"}, Listen{"tls", "127.0.0.1:0"}))
	for i, transport := range []string{"UDP", "TCP", "TLS"} {
		t.Run(transport, func(t *testing.T) {
			c := listen(t, transport, cert)
			_, w := s.call(c, func(r *rooms.DialRequest) {
				r.DisplayName, r.From = `The "Room"`, "sip:conf@example.com"
				r.Headers = map[string]string{"X-Account": "4711", "P-Asserted-Identity": "<sip:1@example.com>"}
			})
			invite := c.expect(sip.INVITE)
			checkInvite(t, invite, w.room, s.addr(i).String())
			c.answer(invite, 100, "", "", "")
			c.answer(invite, 180, "b", "", "")
			if receive(t, w.ringing, "ringing") {
				t.Error("180 without a body is taken for early media")
			}
			ack := c.pickUp(invite, "b", "Allow: INVITE, ACK, BYE, UPDATE\nUser-Agent: callee/1\n")
			if ack.Recipient.String() != fmt.Sprintf("sip:b@%s;transport=%s", c.addr, strings.ToLower(transport)) {
				t.Errorf("the ACK is for %s, not the Contact", ack.Recipient.String())
			}
			p := w.participant()
			joined := s.await(rooms.ParticipantJoined)
			if in := joined.Participant.Info; in.Direction != rooms.Outbound || in.UserAgent != "callee/1" ||
				in.URI != "sip:bob@127.0.0.1" || in.RemoteAddr != c.addr.Addr() || in.CallID != invite.CallID().Value() {
				t.Errorf("the room was told %+v", in)
			}
			d := s.only()
			if n := d.negotiated(); n == nil || n.RemoteRTP.Port() != 40000 {
				t.Errorf("negotiated is %+v", n)
			}
			c.request(invite, "b", "INVITE", 100, "", offer(c.addr.String(), "sendonly"))
			if code := c.code(); code != 200 {
				t.Fatalf("hold got %d", code)
			}
			c.request(invite, "b", "ACK", 100, "", "")
			d.confirmed(t)
			for n, method := range []string{"UPDATE", "OPTIONS", "INFO"} {
				c.request(invite, "b", method, 101+n, "", "")
				if code := c.code(); code != 200 {
					t.Errorf("%s got %d", method, code)
				}
			}
			if i == 0 {
				c.request(invite, "b", "BYE", 110, "", "")
				if code := c.code(); code != 200 {
					t.Errorf("BYE got %d", code)
				}
			} else {
				go p.Remove(short(t), rooms.Reason{Code: rooms.ReasonRemoved, Text: "enough"})
				bye := c.await(sip.BYE)
				if r := header(t, bye, "Reason"); r != `SIP;cause=403;text="enough"` {
					t.Errorf("Reason is %s", r)
				}
				c.answer(bye, 200, "", "", "")
			}
			s.await(rooms.ParticipantLeft)
			s.undialled()
		})
	}
	if got := s.Stats().DialOuts["answered"]; got != 3 {
		t.Errorf("%d dial-outs are counted as answered", got)
	}
}

func checkInvite(t *testing.T, invite *sip.Request, room rooms.Name, here string) {
	t.Helper()
	if c := header(t, invite, "Contact"); !strings.Contains(c, string(room)+"@"+here) || !strings.HasSuffix(c, ";isfocus") {
		t.Errorf("Contact is %s", c)
	}
	for name, want := range map[string]string{
		"X-Account": "4711", "P-Asserted-Identity": "<sip:1@example.com>", "Allow": allowValue,
		"Supported": "timer", "Session-Expires": "1800", "Min-SE": "90", "Content-Type": "application/sdp",
	} {
		if got := header(t, invite, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if from := invite.From().Value(); !strings.HasPrefix(from, `"The \"Room\"" <sip:conf@example.com>;tag=`) {
		t.Errorf("From is %s", from)
	}
	if to := invite.To().Value(); to != "<sip:bob@127.0.0.1>" {
		t.Errorf("To is %s", to)
	}
	if !strings.Contains(string(invite.Body()), "m=audio ") {
		t.Errorf("there is no offer:\n%s", invite.Body())
	}
}

func TestDialOutcomes(t *testing.T) {
	leak.Check(t)
	s := start(t)
	for _, c := range []struct {
		code    int
		extra   string
		outcome rooms.Outcome
		text    string
	}{
		{486, "", rooms.OutcomeBusy, "Whatever"},
		{600, "", rooms.OutcomeBusy, "Whatever"},
		{603, "Reason: Q.850;cause=21;text=\"not \\\"now\\\"\"\n", rooms.OutcomeDeclined, `Whatever (not "now")`},
		{607, "", rooms.OutcomeDeclined, "Whatever"},
		{408, "", rooms.OutcomeUnanswered, "Whatever"},
		{480, "", rooms.OutcomeUnanswered, "Whatever"},
		{487, "", rooms.OutcomeUnanswered, "Whatever"},
		{403, "", rooms.OutcomeFailed, "Whatever"},
		{404, "Warning: 399 x \"no such number\"\n", rooms.OutcomeFailed, "Whatever (no such number)"},
		{488, "", rooms.OutcomeFailed, "Whatever"},
		{491, "", rooms.OutcomeFailed, "Whatever"},
		{500, "", rooms.OutcomeFailed, "Whatever"},
		{503, "Retry-After: 120 (full);duration=5\n", rooms.OutcomeFailed, "Whatever; to be tried again after 120 s"},
		{302, "Contact: <sip:other@127.0.0.1:9>\n", rooms.OutcomeFailed, "Whatever: try sip:other@127.0.0.1:9 instead"},
		{401, "", rooms.OutcomeFailed, "the peer asks for a user name and password, and none is given"},
	} {
		t.Run(fmt.Sprint(c.code), func(t *testing.T) {
			callee := listen(t, "UDP")
			_, w := s.call(callee)
			invite := callee.expect(sip.INVITE)
			callee.answer(invite, 180, "b", "", "")
			callee.answer(invite, c.code, "b", c.extra, "")
			callee.await(sip.ACK)
			if f := w.failure(); f != (rooms.DialFailure{Outcome: c.outcome, Status: c.code, Text: c.text}) {
				t.Errorf("got %+v, want %s %q", f, c.outcome, c.text)
			}
			s.undialled()
		})
	}
}

// Who says nothing at all, or cannot be reached, is told from who does not pick up.
func TestDialToNowhere(t *testing.T) {
	leak.Check(t)
	cert := selfSigned(t)
	s := start(t, withListen(Listen{"udp", "127.0.0.1:0"}, Listen{"tcp", "127.0.0.1:0"}))
	mute, tcp := listen(t, "UDP"), listen(t, "TCP")
	tcp.close()
	untrusted := listen(t, "TLS", cert)
	for name, c := range map[string]struct{ to, text string }{
		"silent":         {"sip:x@" + mute.addr.String(), "no answer to the INVITE"},
		"refused":        {fmt.Sprintf("sip:x@%s;transport=tcp", tcp.addr), "connection refused"},
		"untrusted":      {fmt.Sprintf("sips:x@%s", untrusted.addr), "certificate"},
		"no such host":   {"sip:x@nowhere.invalid:5060", "nowhere.invalid cannot be resolved"},
		"no listener":    {"sip:x@[::1]:9", "no SIP listener for UDP"},
		"no such domain": {"sip:x@nowhere.invalid", "cannot be resolved"},
	} {
		t.Run(name, func(t *testing.T) {
			w := s.watcher()
			if _, err := s.Dial(t.Context(), rooms.DialRequest{To: c.to, Room: w.room}, w); err != nil {
				t.Fatal(err)
			}
			if f := w.failure(); f.Outcome != rooms.OutcomeFailed || f.Status != 0 || !strings.Contains(f.Text, c.text) {
				t.Errorf("got %+v, want %q in it", f, c.text)
			}
			s.undialled()
		})
	}
}
