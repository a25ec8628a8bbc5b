package calls

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// established returns a call that is up, and the peer's end of it.
func established(t *testing.T, transport string, handle func(*visit)) (*Call, *visit) {
	t.Helper()
	p := newPeer(t, transport, handle)
	c := p.call(p.agent())
	v := p.wait("INVITE")
	p.wait("ACK")
	return c, v
}

func TestServerHangsUp(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			c, far := established(t, transport, accept)
			ends := make(chan End, 2)
			c.OnEnd(func(e End) { ends <- e })
			far.send("BYE", 1, "", "Reason: Q.850;cause=16")
			if m := far.peer.waitAnswer("BYE"); m.status != 200 {
				t.Errorf("BYE: %d", m.status)
			}
			want := End{Far: true, Cause: Dropped, Reason: "Q.850;cause=16"}
			if e := next(t, ends); e != want {
				t.Errorf("%+v, want %+v", e, want)
			}
			far.send("BYE", 1, "") // the answer was lost
			if m := far.peer.waitAnswer("BYE"); m.status != 200 {
				t.Errorf("BYE again: %d", m.status)
			}
			if err := c.Hangup(deadline(t)); err != nil {
				t.Errorf("after it has ended: %v", err)
			}
			far.peer.quiet("BYE")
			c.OnEnd(func(e End) { ends <- e })
			if e := next(t, ends); e != want {
				t.Errorf("told later: %+v", e)
			}
		})
	}
}

// next returns what comes on a channel.
func next[T any](t *testing.T, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		t.Fatalf("no %T came", v)
	}
	return v
}

// Both hang up at once.
func TestByesCross(t *testing.T) {
	c, far := established(t, "udp", func(v *visit) {
		if v.method != "BYE" {
			accept(v)
		}
	})
	done := make(chan error, 1)
	go func() { done <- c.Hangup(deadline(t)) }()
	bye := far.peer.wait("BYE")
	far.send("BYE", 1, "")
	if m := far.peer.waitAnswer("BYE"); m.status != 200 {
		t.Errorf("BYE: %d", m.status)
	}
	bye.answer(481, "Gone", "")
	if err := next(t, done); err != nil {
		t.Error(err)
	}
}

func TestHangupIsNotAnswered(t *testing.T) {
	c, _ := established(t, "udp", func(v *visit) {
		if v.method != "BYE" {
			accept(v)
		}
	})
	wantCause(t, c.Hangup(deadline(t)), NoAnswer, "no response")
}

// What a phone answers within a call, and outside of any.
func TestRequestsOfTheServer(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			_, far := established(t, transport, accept)
			for i, r := range []struct {
				method string
				lines  []string
				status int
			}{
				{"OPTIONS", nil, 200}, {"INFO", nil, 200}, {"UPDATE", nil, 200}, {"MESSAGE", nil, 405}, {"REFER", nil, 405},
				{"NOTIFY", nil, 481}, {"INFO", []string{"Require: 100rel, timer"}, 420}, {"UPDATE", []string{"Require: timer"}, 200},
			} {
				far.send(r.method, 10+i, "", r.lines...)
				m := far.peer.waitAnswer(r.method)
				if m.status != r.status {
					t.Errorf("%s %q: %d, want %d", r.method, r.lines, m.status, r.status)
				}
				if r.status == 405 && !m.has("allow", "BYE") || r.status == 420 && m.get("unsupported") != "100rel" {
					t.Errorf("%s: %+v", r.method, m)
				}
			}
			far.send("INFO", 5, "") // older than the last
			if m := far.peer.waitAnswer("INFO"); m.status != 500 {
				t.Errorf("an old number: %d", m.status)
			}
			far.send("CANCEL", 17, "")
			if m := far.peer.waitAnswer("CANCEL"); m.status != 200 {
				t.Errorf("CANCEL of what is answered: %d", m.status)
			}
			stranger := *far.message
			stranger.headers = append([]header{{"call-id", "another"}}, stranger.headers...)
			for method, status := range map[string]int{"BYE": 481, "OPTIONS": 481, "INVITE": 481} {
				(&visit{&stranger, far.peer, far.write}).send(method, 1, "")
				if m := far.peer.waitAnswer(method); m.status != status {
					t.Errorf("%s of another call: %d, want %d", method, m.status, status)
				}
			}
		})
	}
}

func TestRequestsOutsideOfCalls(t *testing.T) {
	_, far := established(t, "udp", accept)
	for method, status := range map[string]int{"OPTIONS": 200, "INVITE": 480, "NOTIFY": 481, "SUBSCRIBE": 405, "CANCEL": 481} {
		far.write(method + " sip:load@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP " + far.peer.at.String() + ";branch=z9hG4bKx" + method +
			"\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:load@c>\r\nCall-ID: new\r\nCSeq: 1 " + method + "\r\n\r\n")
		m := far.peer.waitAnswer(method)
		if m.status != status || m.toTag() == "" {
			t.Errorf("%s: %d with To %q, want %d", method, m.status, m.get("to"), status)
		}
	}
}

func TestMediaMoves(t *testing.T) {
	for _, method := range []string{"INVITE", "UPDATE"} {
		t.Run(method, func(t *testing.T) {
			c, far := established(t, "udp", accept)
			before := c.Answer()
			changes := make(chan Answer, 10)
			c.OnChange(func(a Answer) { changes <- a })
			far.send(method, 1, goodAnswer) // a refresh: nothing new
			m := far.peer.waitAnswer(method)
			if m.status != 200 || !strings.Contains(m.body, "o=- 1 2 ") || !strings.Contains(m.body, "m=audio 3000 RTP/AVP 0 101") {
				t.Fatalf("%d\n%s", m.status, m.body)
			}
			far.send("ACK", 1, "")
			far.send(method, 2, strings.NewReplacer("4000", "4444", "sendrecv", "sendonly").Replace(goodAnswer))
			if m := far.peer.waitAnswer(method); !strings.Contains(m.body, "a=recvonly") {
				t.Errorf("hold is answered by\n%s", m.body)
			}
			far.send("ACK", 2, "")
			a := next(t, changes)
			if a.Media != netip.MustParseAddrPort("127.0.0.1:4444") || a.Receives || !a.Sends || a != c.Answer() {
				t.Errorf("told %+v", a)
			}
			far.send(method, 3, strings.NewReplacer("RTP/AVP 0 101", "RTP/AVP 8").Replace(goodAnswer))
			if m := far.peer.waitAnswer(method); m.status != 488 || m.get("warning") == "" {
				t.Errorf("another codec: %d %q", m.status, m.get("warning"))
			}
			far.send(method, 4, goodAnswer)
			far.peer.waitAnswer(method)
			far.send("ACK", 4, "")
			if a := next(t, changes); a != before {
				t.Errorf("back again: %+v", a)
			}
		})
	}
}

// A re-INVITE without an offer gets ours, and the ACK has the answer.
func TestOfferIsAskedFor(t *testing.T) {
	c, far := established(t, "udp", accept)
	far.send("INVITE", 1, "")
	m := far.peer.waitAnswer("INVITE")
	if m.status != 200 || m.sdp() == "" {
		t.Fatalf("%d %q", m.status, m.body)
	}
	if again := far.peer.waitAnswer("INVITE"); again.body != m.body { // no ACK yet
		t.Errorf("repeated as\n%s", again.body)
	}
	far.send("ACK", 1, strings.Replace(goodAnswer, "4000", "4002", 1))
	changes := make(chan Answer, 1)
	c.OnChange(func(a Answer) { changes <- a })
	if a := next(t, changes); a.Media.Port() != 4002 {
		t.Errorf("media at %v", a.Media)
	}
}

func TestAnswerIsNeverAcknowledged(t *testing.T) {
	c, far := established(t, "udp", accept)
	ends := make(chan End, 1)
	c.OnEnd(func(e End) { ends <- e })
	far.send("INVITE", 1, goodAnswer)
	far.peer.wait("BYE")
	if e := next(t, ends); !e.Far || e.Cause != Dropped {
		t.Errorf("%+v", e)
	}
}

// timed answers an INVITE with a session timer, and what else comes by rest.
func timed(expires string, rest func(*visit)) func(*visit) {
	first := true
	return func(v *visit) {
		if v.method == "INVITE" && first {
			first = false
			v.answer(200, "OK", goodAnswer, "Session-Expires: "+expires, "Allow: INVITE, UPDATE", "Contact: <sip:far@"+v.peer.at.String()+">")
			return
		}
		rest(v)
	}
}

func TestSessionIsRefreshed(t *testing.T) {
	p := newPeer(t, "udp", timed("1;refresher=uac", accept))
	c := p.call(p.agent())
	for range 2 {
		if u := p.wait("UPDATE"); u.get("session-expires") != "1;refresher=uac" || u.body != "" {
			t.Errorf("UPDATE with %q and body %q", u.get("session-expires"), u.body)
		}
	}
	if err := c.Hangup(deadline(t)); err != nil {
		t.Fatal(err)
	}
}

// A server that does not take UPDATE after all gets a re-INVITE, whose answer may move media.
func TestSessionIsRefreshedByINVITE(t *testing.T) {
	p := newPeer(t, "udp", timed("1", func(v *visit) {
		switch v.method {
		case "UPDATE":
			v.answer(405, "No", "")
		case "INVITE":
			v.answer(200, "OK", strings.Replace(goodAnswer, "4000", "4004", 1))
		default:
			accept(v)
		}
	}))
	c := p.call(p.agent())
	changes := make(chan Answer, 10)
	c.OnChange(func(a Answer) { changes <- a })
	p.wait("ACK")
	if again := p.wait("INVITE"); !strings.Contains(again.body, "o=- 1 1 ") || again.toTag() == "" {
		t.Errorf("re-INVITE with\n%s", again.body)
	}
	if ack := p.wait("ACK"); ack.toTag() == "" {
		t.Errorf("ACK: %+v", ack)
	}
	if a := next(t, changes); a.Media.Port() != 4004 {
		t.Errorf("media at %v", a.Media)
	}
}

func TestSessionEnds(t *testing.T) {
	for name, handle := range map[string]func(*visit){
		"the server does not refresh": timed("1;refresher=uas", accept),
		"the server knows it no more": timed("1;refresher=uac", func(v *visit) {
			if v.method == "UPDATE" {
				v.answer(481, "Gone", "")
			} else {
				accept(v)
			}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, "udp", handle)
			c := p.call(p.agent())
			ends := make(chan End, 1)
			c.OnEnd(func(e End) { ends <- e })
			if e := next(t, ends); !e.Far || e.Cause != Dropped || e.Reason == "" {
				t.Errorf("%+v", e)
			}
			p.wait("BYE")
		})
	}
}

func TestServerAsksForATimer(t *testing.T) {
	_, far := established(t, "udp", accept)
	for i, test := range [][2]string{
		{"1800", "1800;refresher=uac"}, {"90;refresher=uas", "90;refresher=uas"}, {"90;refresher=uac", "90;refresher=uac"},
	} {
		far.send("UPDATE", i+1, "", "Session-Expires: "+test[0])
		m := far.peer.waitAnswer("UPDATE")
		if m.get("session-expires") != test[1] || m.has("require", "timer") != strings.HasSuffix(test[1], "uac") {
			t.Errorf("asked for %s: %q, Require %q", test[0], m.get("session-expires"), m.get("require"))
		}
	}
}

// Our refresh is on its way when the server's offer comes: it has to wait (RFC 3261 section
// 14.2).
func TestOffersCross(t *testing.T) {
	first := true
	p := newPeer(t, "udp", func(v *visit) {
		switch {
		case v.method != "INVITE":
			accept(v)
		case first:
			first = false
			v.answer(200, "OK", goodAnswer, "Session-Expires: 1;refresher=uac")
		default:
			v.send("INVITE", 1, goodAnswer)
		}
	})
	p.call(p.agent())
	if m := p.waitAnswer("INVITE"); m.status != 491 {
		t.Errorf("answered by %d", m.status)
	}
}

// The connection breaks: a new one is opened for what comes next.
func TestConnectionBreaks(t *testing.T) {
	c, far := established(t, "tcp", accept)
	s := c.line.carrier.(*stream)
	s.mu.Lock()
	s.conn.CloseRead()
	s.conn.CloseWrite()
	s.mu.Unlock()
	s.readers.Wait() // it has seen the end
	if err := c.line.agent.Options(deadline(t), far.peer.uri()); err != nil {
		t.Fatal(err)
	}
	if err := c.Hangup(deadline(t)); err != nil {
		t.Errorf("over the new connection: %v", err)
	}
	if n := c.line.agent.Stats().Reconnects; n != 1 {
		t.Errorf("%d connections were opened anew", n)
	}
}

// A connection that breaks while a call is set up fails it.
func TestConnectionBreaksBeforeTheAnswer(t *testing.T) {
	p := newPeer(t, "tcp", func(v *visit) {
		v.answer(100, "Trying", "")
		v.write("\r\n\r\nContent-Length: x\r\n\r\n") // the agent does not go on reading that
	})
	_, err := p.agent().Call(deadline(t), p.uri(), someOffer())
	wantCause(t, err, Refused, "framed")
}
