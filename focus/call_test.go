package focus

import (
	"fmt"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/rooms"
)

func TestCallAndBye(t *testing.T) {
	leak.Check(t)
	cert := selfSigned(t)
	s := start(t, withTLS(cert), withListen(
		Listen{"udp", "127.0.0.1:0"}, Listen{"tcp", "127.0.0.1:0"}, Listen{"tls", "127.0.0.1:0"},
		Listen{"udp", "[::1]:0"}, Listen{"tcp", "[::1]:0"}, Listen{"udp", ":0"},
	))
	for i, transport := range []string{"UDP", "TCP", "TLS", "UDP", "TCP", "UDP"} {
		t.Run(fmt.Sprint(transport, i), func(t *testing.T) {
			addr := s.addr(i)
			if addr.Addr().IsUnspecified() {
				addr = loopback(addr)
			}
			p := dial(t, transport, addr)
			res := p.call("")
			contact := header(t, res, "Contact")
			if !strings.Contains(contact, ";isfocus") || !strings.Contains(contact, p.remote) || !strings.Contains(contact, p.room) {
				t.Errorf("Contact is %s, want the room at %s and isfocus", contact, p.remote)
			}
			if transport != "UDP" && !strings.Contains(contact, "transport="+strings.ToLower(transport)) {
				t.Errorf("Contact is %s, want its transport", contact)
			}
			for name, want := range map[string]string{
				"Allow": allowValue, "Supported": "timer", "Accept": acceptValue, "Server": "confd/test",
				"Content-Type": "application/sdp",
			} {
				if got := header(t, res, name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if e := s.await(rooms.ParticipantJoined); string(e.Room) != p.room {
				t.Errorf("joined %q, want %q", e.Room, p.room)
			}
			p.expect(200, p.request("BYE", "", ""))
			if e := s.await(rooms.ParticipantLeft); e.Reason.Code != rooms.ReasonLeft {
				t.Errorf("left because of %v", e.Reason)
			}
			s.settled()
		})
	}
}

func TestCallerIsDescribedToTheRoom(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	p.call("User-Agent: Phone/1\n")
	i := s.await(rooms.ParticipantJoined).Participant.Info
	if i.DisplayName != `A "B"` || i.UserAgent != "Phone/1" || i.CallID != p.callID ||
		!strings.HasPrefix(i.URI, "sip:caller@") || !i.RemoteAddr.IsLoopback() || i.Direction != rooms.Inbound {
		t.Errorf("info is %+v", i)
	}
	p.expect(200, p.request("BYE", "", ""))
}

// What strangers write about themselves reaches rosters and logs as text that harms nobody.
func TestTextOfStrangersIsCleaned(t *testing.T) {
	for in, want := range map[string]string{
		"Ann": "Ann", "a\x1b[2Jb\tc\x00": "a [2Jb c ", "caf\xe9": "caf", "Łódź": "Łódź", "a\u009bb": "a b",
		strings.Repeat("é", 200): strings.Repeat("é", 128), "x" + strings.Repeat("é", 200): "x" + strings.Repeat("é", 127),
	} {
		if got := bounded(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	p.send(replace(`"A \"B\""`, "\"A \\\x1b[31m\"")(p.request("INVITE", "", offer(p.local, "sendrecv"))))
	if i := s.await(rooms.ParticipantJoined).Participant.Info; i.DisplayName != "A  [31m" {
		t.Errorf("the display name is %q", i.DisplayName)
	}
}

// The server hangs up from the socket that was called, also where that hears on every address.
func TestRemovalOverAWildcardListener(t *testing.T) {
	s := start(t, withListen(Listen{"udp", "127.0.0.1:0"}, Listen{"udp", ":0"}, Listen{"udp", "[::1]:0"}))
	for i := range s.Addrs() {
		addr := s.addr(i)
		if addr.Addr().IsUnspecified() {
			addr = loopback(addr)
		}
		p := dial(t, "UDP", addr) // a connected socket: it hears nobody else
		p.call("")
		s.only().confirmed(t).End(rooms.Reason{Code: rooms.ReasonRemoved})
		p.answer(p.await(sip.BYE), 200, "", "")
		s.settled()
	}
}

func TestOfferlessInvite(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	res := p.invite("", "")
	if body := string(res.Body()); !strings.Contains(body, "m=audio") || !strings.Contains(body, "a=rtpmap") {
		t.Fatalf("the 200 has no offer:\n%s", res)
	}
	p.expect(491, p.request("UPDATE", "", offer(p.local, "sendrecv")))
	p.send(p.build("ACK", p.cseq-1, "", "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 40000 RTP/AVP 0\n"))
	d := s.only()
	wait.For(t, "the answer to take effect", func() bool { return d.negotiated() != nil })
	if n := d.negotiated(); n.Send.Codec.String() != "PCMU" || !n.Direction.Sends() {
		t.Errorf("negotiated %s %s", n.Send, n.Direction)
	}
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
}

func TestOfferlessInviteWithoutAnswer(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	p.invite("", "")
	p.ack("")
	bye := p.await(sip.BYE)
	if got := header(t, bye, "Reason"); !strings.Contains(got, "cause=400") {
		t.Errorf("Reason is %s", got)
	}
	p.answer(bye, 200, "", "")
	s.settled()
}

func TestRemovalHasAReason(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	p.call("")
	id := s.await(rooms.ParticipantJoined).Participant.ID
	part, err := s.registry.Participant(rooms.Name(p.room), id)
	if err != nil {
		t.Fatal(err)
	}
	go part.Remove(short(t), rooms.Reason{Code: rooms.ReasonRemoved, Text: `so "said" the host`})
	bye := p.await(sip.BYE)
	if got, want := header(t, bye, "Reason"), `SIP;cause=403;text="so \"said\" the host"`; got != want {
		t.Errorf("Reason is %s, want %s", got, want)
	}
	if h := bye.CSeq(); h.SeqNo != 1 {
		t.Errorf("CSeq is %v", h)
	}
	p.answer(bye, 200, "", "")
	s.settled()
}

func TestDrain(t *testing.T) {
	s := start(t)
	p, q := dial(t, "UDP", s.addr(0)), dial(t, "UDP", s.addr(0))
	p.call("")
	q.call("")
	done := make(chan error, 1)
	go func() { done <- s.Drain(short(t)) }()
	for _, x := range []*peer{p, q} {
		bye := x.await(sip.BYE)
		if got := header(t, bye, "Reason"); !strings.Contains(got, "cause=503") {
			t.Errorf("Reason is %s", got)
		}
		x.answer(bye, 200, "", "")
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	n := dial(t, "UDP", s.addr(0))
	res := n.expect(503, n.request("INVITE", "", offer(n.local, "sendrecv")))
	header(t, res, "Retry-After")
	n.expect(503, n.request("OPTIONS", "", ""))
	s.settled()
}

func TestDrainGivesUpOnSilentPeers(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	p.call("")
	if err := s.Drain(short(t)); err != nil {
		t.Fatal(err)
	}
	if s.Stats().Unreachable != 1 {
		t.Errorf("unreachable: %d", s.Stats().Unreachable)
	}
}

// Hundreds of calls in all ways of ending leave nothing behind.
func TestNothingLeaks(t *testing.T) {
	leak.Check(t)
	s := start(t, withListen(Listen{"udp", "127.0.0.1:0"}, Listen{"tcp", "127.0.0.1:0"}))
	const calls = 300
	for i, transport := range []string{"UDP", "TCP"} { // the listeners are up
		p := dial(t, transport, s.addr(i))
		p.expect(200, p.request("OPTIONS", "", ""))
		p.conn.Close()
	}
	before := leak.Take()
	for i := range calls {
		transport := []string{"UDP", "TCP"}[i%2]
		p := dial(t, transport, s.addr(i%2))
		switch i % 5 {
		case 0, 1:
			p.call("")
			p.expect(200, p.request("BYE", "", ""))
		case 2: // refused
			p.expect(488, p.request("INVITE", "", strings.Replace(offer(p.local, "sendrecv"), "0 8 101", "18", 1)))
			p.send(p.buildBranch(p.branch, "ACK", p.cseq, "", ""))
		case 3: // BYE before ACK
			p.invite("", "")
			p.expect(200, p.request("BYE", "", ""))
		case 4: // never acknowledged: the connection goes away
			p.invite("", offer(p.local, "sendrecv"))
		}
		p.conn.Close()
	}
	s.settled()
	if err := before.Wait(patience); err != nil {
		t.Error(err)
	}
}
