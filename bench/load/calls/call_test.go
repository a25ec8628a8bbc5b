package calls

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestCallAndHangup(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			p := newPeer(t, transport, accept)
			a := p.agent()
			if err := a.Options(deadline(t), p.uri()); err != nil {
				t.Fatal(err)
			}
			c := p.call(a)
			want := Answer{
				Media: netip.MustParseAddrPort("127.0.0.1:4000"), RTCP: netip.MustParseAddrPort("127.0.0.1:4001"),
				Format: Format{0, "PCMU/8000", ""}, Event: 101, PacketTime: 20 * time.Millisecond, Sends: true, Receives: true,
			}
			if got := c.Answer(); got != want {
				t.Errorf("answer %+v\nwant   %+v", got, want)
			}
			if s := c.Setup; s.Ringing <= 0 || s.Answered < s.Ringing {
				t.Errorf("set up in %+v", s)
			}
			invite, ack := p.wait("INVITE"), p.wait("ACK")
			if n, _ := ack.cseq(); n != 1 || ack.uri != "sip:far@"+p.at.String() || ack.toTag() == "" || ack.branch() == invite.branch() {
				t.Errorf("ACK of a 2xx: %+v", ack)
			}
			ends := make(chan End, 1)
			c.OnEnd(func(e End) { ends <- e })
			if err := c.Hangup(deadline(t)); err != nil {
				t.Fatal(err)
			}
			if e := next(t, ends); e != (End{}) {
				t.Errorf("ended by us: %+v", e)
			}
			if n, _ := p.wait("BYE").cseq(); n != 2 {
				t.Errorf("BYE has number %d, want 2", n)
			}
			if err := c.Hangup(deadline(t)); err != nil {
				t.Errorf("a second time: %v", err)
			}
			p.quiet("BYE")
			if left := len(a.established()); left != 0 {
				t.Errorf("%d calls are left", left)
			}
		})
	}
}

// Each way in which a server can fail a call, and the word for it.
func TestCauses(t *testing.T) {
	refuse := func(status int, lines ...string) func(*visit) {
		return func(v *visit) {
			if v.method == "INVITE" {
				v.answer(100, "Trying", "")
				v.answer(status, "No", "", lines...)
			}
		}
	}
	answer := func(sdp string) func(*visit) {
		return func(v *visit) {
			if v.method == "INVITE" {
				v.answer(200, "OK", sdp)
			} else if v.method != "ACK" {
				v.answer(200, "OK", "")
			}
		}
	}
	challenge := `WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"`
	for name, test := range map[string]struct {
		handle func(*visit)
		cause  Cause
		status int
		says   string
	}{
		"busy":              {refuse(486), Busy, 486, "No"},
		"busy everywhere":   {refuse(600), Busy, 600, ""},
		"declined":          {refuse(603), Declined, 603, ""},
		"not found":         {refuse(404), NotFound, 404, ""},
		"incomplete":        {refuse(484), NotFound, 484, ""},
		"nowhere":           {refuse(604), NotFound, 604, ""},
		"not acceptable":    {refuse(488), WrongCodec, 488, ""},
		"media type":        {refuse(415), WrongCodec, 415, ""},
		"nowhere accepted":  {refuse(606), WrongCodec, 606, ""},
		"unavailable":       {refuse(480), Unavailable, 480, ""},
		"overloaded":        {refuse(503, "Retry-After: 7 (soon)"), Unavailable, 503, ""},
		"redirected":        {refuse(302, "Contact: <sip:else@127.0.0.9>"), Rejected, 302, "sip:else@127.0.0.9"},
		"forbidden":         {refuse(403), Rejected, 403, ""},
		"timed out there":   {refuse(408), NoAnswer, 408, ""},
		"100rel demanded":   {refuse(421, "Require: 100rel"), Rejected, 421, "100rel"},
		"broken server":     {refuse(500), Rejected, 500, ""},
		"who are you":       {refuse(401, challenge), Unauthorized, 401, ""},
		"proxy asks":        {refuse(407, "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\""), Unauthorized, 407, ""},
		"no audio":          {answer(strings.Replace(goodAnswer, "4000", "0", 1)), WrongCodec, 200, "port 0"},
		"another codec":     {answer(strings.NewReplacer("AVP 0 101", "AVP 8", "rtpmap:0 PCMU", "rtpmap:8 PCMA").Replace(goodAnswer)), WrongCodec, 200, "none of the offered"},
		"encrypted":         {answer(strings.Replace(goodAnswer, "RTP/AVP", "RTP/SAVP", 1)), WrongCodec, 200, "RTP/AVP"},
		"garbage":           {answer("hello"), Protocol, 200, "v=0"},
		"no description":    {answer(""), Protocol, 200, "no session description"},
		"no connection":     {answer(strings.Replace(goodAnswer, "c=IN IP4 127.0.0.1\r\n", "", 1)), Protocol, 200, "c= line"},
		"port out of range": {answer(strings.Replace(goodAnswer, "4000", "70000", 1)), Protocol, 200, "65535"},
	} {
		for _, transport := range transports {
			t.Run(name+" "+transport, func(t *testing.T) {
				p := newPeer(t, transport, test.handle)
				a := p.agent()
				_, err := a.Call(deadline(t), p.uri(), someOffer())
				var f *Failure
				if !errors.As(err, &f) || f.Cause != test.cause || f.Status != test.status || !strings.Contains(err.Error(), test.says) {
					t.Fatalf("%v; want %s by %d", err, test.cause, test.status)
				}
				if test.status == 503 && f.RetryAfter != 7*time.Second {
					t.Errorf("to be tried again after %v", f.RetryAfter)
				}
				ack := p.wait("ACK")
				if ack.uri == p.uri() != (test.status != 200) {
					t.Errorf("ACK is for %s", ack.uri)
				}
				if test.status == 200 {
					p.wait("BYE")
				}
			})
		}
	}
}

func TestSilentServer(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			p := newPeer(t, transport, nil)
			a := p.agent(func(c *Config) { c.Timeouts.Trying = 500 * time.Millisecond })
			_, err := a.Call(deadline(t), p.uri(), someOffer())
			wantCause(t, err, NoAnswer, "no response at all")
			p.quiet("CANCEL") // not before the server has said anything (RFC 3261 section 9.1)
			if repeated := a.Stats().Repeated; transport == "udp" && repeated < 1 || transport == "tcp" && repeated != 0 {
				t.Errorf("%d requests were repeated", repeated)
			}
		})
	}
}

func wantCause(t *testing.T, err error, cause Cause, says string) {
	t.Helper()
	var f *Failure
	if !errors.As(err, &f) || f.Cause != cause || !strings.Contains(err.Error(), says) {
		t.Fatalf("%v; want %s with %q", err, cause, says)
	}
}

// Nobody there: ICMP says so at once, and to the call in question only.
func TestClosedPort(t *testing.T) {
	p := newPeer(t, "udp", accept)
	closed, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.LocalAddr().(*net.UDPAddr).AddrPort()
	closed.Close()
	for _, transport := range transports {
		a := open(t, nobody, func(c *Config) { c.Transport = transport })
		began := time.Now()
		_, err = a.Call(deadline(t), p.uri(), someOffer())
		wantCause(t, err, Refused, "refused")
		if took := time.Since(began); took > patience/2 {
			t.Errorf("%s: told after %v", transport, took)
		}
		wantCause(t, a.Options(deadline(t), p.uri()), Refused, "refused")
	}
	a := p.agent()
	c := p.call(a)
	c.dialog.peer = nobody
	wantCause(t, c.Hangup(deadline(t)), Refused, "refused")
	if err := p.call(a).Hangup(deadline(t)); err != nil {
		t.Errorf("a call beside it: %v", err)
	}
}

func TestItRingsAndNobodyAnswers(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			var invite *visit
			p := newPeer(t, transport, func(v *visit) {
				switch v.method {
				case "INVITE":
					invite = v
					v.answer(180, "Ringing", "")
				case "CANCEL":
					v.answer(200, "OK", "")
					invite.answer(487, "Request Terminated", "")
				}
			})
			a := p.agent(func(c *Config) { c.Timeouts.Answer = 100 * time.Millisecond })
			_, err := a.Call(deadline(t), p.uri(), someOffer())
			wantCause(t, err, NoAnswer, "it rang")
			first := p.wait("INVITE")
			if cancel := p.wait("CANCEL"); cancel.branch() != first.branch() || cancel.toTag() != "" {
				t.Errorf("CANCEL: %+v", cancel)
			}
			p.wait("ACK")
			p.quiet("BYE")
		})
	}
}

// The answer crosses our CANCEL, or comes although we have given up on a silent server.
func TestAnswerAfterGivingUp(t *testing.T) {
	for name, late := range map[string]string{"crosses CANCEL": "CANCEL", "by CANCEL of a late 180": "INVITE"} {
		t.Run(name, func(t *testing.T) {
			var invite *visit
			given := make(chan struct{})
			p := newPeer(t, "udp", func(v *visit) {
				switch {
				case v.method == "INVITE" && invite == nil:
					invite = v
					if late == "CANCEL" {
						v.answer(183, "Progress", "")
					} else {
						go func() { <-given; v.answer(180, "Ringing", "") }()
					}
				case v.method == "CANCEL":
					v.answer(200, "OK", "")
					invite.answer(200, "OK", goodAnswer)
				case v.method == "BYE":
					v.answer(200, "OK", "")
				}
			})
			a := p.agent(func(c *Config) { c.Timeouts.Answer, c.Timeouts.Trying = 100*time.Millisecond, 100*time.Millisecond })
			_, err := a.Call(deadline(t), p.uri(), someOffer())
			close(given)
			wantCause(t, err, NoAnswer, "")
			p.wait("CANCEL")
			ack, bye := p.wait("ACK"), p.wait("BYE")
			if ack.toTag() == "" || bye.toTag() != ack.toTag() || bye.uri != "sip:far@"+p.at.String() {
				t.Errorf("BYE: %+v", bye)
			}
			if left := len(a.established()); left != 0 {
				t.Errorf("%d calls are left", left)
			}
		})
	}
}

func TestCallerGivesUp(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	p := newPeer(t, "udp", func(v *visit) {
		if v.method == "INVITE" {
			v.answer(180, "Ringing", "")
			cancel()
		} else {
			v.answer(200, "OK", "")
		}
	})
	_, err := p.agent().Call(ctx, p.uri(), someOffer())
	wantCause(t, err, Cancelled, "")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not tell of the context", err)
	}
	p.wait("CANCEL")
}

func TestAnswersThatComeAgain(t *testing.T) {
	var first *visit
	p := newPeer(t, "udp", func(v *visit) {
		accept(v)
		if v.method == "INVITE" {
			first = v
		}
	})
	a := p.agent()
	c := p.call(a)
	p.wait("ACK")
	first.answer(200, "OK", goodAnswer)
	p.wait("ACK")
	p.quiet("BYE")
	// Another phone has answered, too: that call is not wanted.
	other := first.response(200, "OK", "another", []string{"Contact: <sip:other@" + p.at.String() + ">"}, goodAnswer)
	first.write(string(other))
	if ack := p.wait("ACK"); ack.toTag() != "another" {
		t.Errorf("ACK for %s", ack.toTag())
	}
	if bye := p.wait("BYE"); bye.toTag() != "another" || bye.uri != "sip:other@"+p.at.String() {
		t.Errorf("BYE for %s", bye.uri)
	}
	if err := c.Hangup(deadline(t)); err != nil {
		t.Fatal(err)
	}
}

// The 2xx is already there when the caller gives up.
func TestAnswerCrossesGivingUp(t *testing.T) {
	p := newPeer(t, "udp", accept)
	l := p.agent().line()
	o := someOffer()
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	s := &setup{call: l.newCall(p.uri(), o), ctx: deadline(t)}
	outcomes := make(chan outcome, backlog+1)
	answered := make(chan bool, 1)
	tx, err := l.begin(s.call.invitation(), p.at, func(m *message, err error) {
		outcomes <- outcome{m, err}
		if m != nil && m.success() {
			answered <- true
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	next(t, answered)
	wantCause(t, s.giveUp(tx, outcomes, &Failure{Cause: NoAnswer}), NoAnswer, "")
	p.wait("ACK")
	p.wait("BYE")
}

// A refusal that is repeated gets its ACK each time, and the INVITE is not.
func TestRefusalThatComesAgain(t *testing.T) {
	var first *visit
	p := newPeer(t, "udp", func(v *visit) {
		if v.method == "INVITE" {
			first = v
			v.answer(486, "Busy", "")
		}
	})
	a := p.agent()
	_, err := a.Call(deadline(t), p.uri(), someOffer())
	wantCause(t, err, Busy, "")
	p.wait("ACK")
	p.mu.Lock()
	first.answer(486, "Busy", "")
	p.mu.Unlock()
	p.wait("ACK")
	l := a.lines[0]
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, x := range l.pending {
		if x.wait != 0 || x.packet != nil {
			t.Errorf("the INVITE would be repeated after %v", x.wait)
		}
	}
}

// A description in a provisional response is the answer if the 2xx has none.
func TestEarlyAnswer(t *testing.T) {
	p := newPeer(t, "udp", func(v *visit) {
		if v.method == "INVITE" {
			v.answer(183, "Session Progress", goodAnswer)
			v.answer(200, "OK", "")
		} else {
			accept(v)
		}
	})
	if c := p.call(p.agent()); c.Answer().Media.Port() != 4000 {
		t.Errorf("media at %v", c.Answer().Media)
	}
}

func TestRouteSet(t *testing.T) {
	p := newPeer(t, "udp", func(v *visit) {
		if v.method == "INVITE" {
			at := v.peer.at.String()
			v.answer(200, "OK", goodAnswer, "Record-Route: <sip:one@"+at+";lr>, <sip:two@"+at+";lr>", "Contact: <sip:far@192.0.2.1>")
		} else {
			accept(v)
		}
	})
	a := p.agent()
	if err := p.call(a).Hangup(deadline(t)); err != nil {
		t.Fatal(err)
	}
	bye := p.wait("BYE")
	routes := bye.list("route")
	if bye.uri != "sip:far@192.0.2.1" || len(routes) != 2 || !strings.Contains(routes[0], "two") || !strings.Contains(routes[1], "one") {
		t.Errorf("BYE %s by way of %q", bye.uri, routes)
	}
	d := dialog{target: "sip:far@192.0.2.1", routes: []string{"<sip:strict@192.0.2.2>", "<sip:two@192.0.2.3;lr>"}}
	d.local, d.remote, d.callID = "<sip:a>", "<sip:b>", "c"
	strict, err := parse(string(d.request(a.lines[0], "BYE", 2).bytes(a.lines[0])))
	if err != nil {
		t.Fatal(err)
	}
	if routes := strict.list("route"); strict.uri != "sip:strict@192.0.2.2" || len(routes) != 2 || routes[1] != "<sip:far@192.0.2.1>" {
		t.Errorf("by way of a strict router: %s, %q", strict.uri, routes)
	}
}

func TestClose(t *testing.T) {
	p := newPeer(t, "udp", func(v *visit) { v.answer(180, "Ringing", "") })
	a := p.agent()
	done := make(chan error, 1)
	go func() {
		_, err := a.Call(context.Background(), p.uri(), someOffer())
		done <- err
	}()
	p.wait("INVITE")
	if err := a.HangUp(deadline(t), 0); err != nil { // it is not up
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	wantCause(t, next(t, done), Refused, "closed")
	_, err := a.Call(deadline(t), p.uri(), someOffer())
	wantCause(t, err, Refused, "closed")
	p.quiet("BYE")
}
