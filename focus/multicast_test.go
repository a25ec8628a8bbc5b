package focus

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/pion/rtcp"

	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/multicast"
	"github.com/confd/confd/rooms"
)

// lecture makes a room with a group and a caller of it.
func lecture(t *testing.T, s *server, spec multicast.Spec) (*peer, *multicast.Group) {
	t.Helper()
	p := dial(t, "UDP", s.addr(0))
	if _, err := s.registry.Create(short(t), rooms.Name(p.room), rooms.Settings{Multicast: &spec}); err != nil {
		t.Fatal(err)
	}
	g, err := s.registry.Group(rooms.Name(p.room))
	if err != nil {
		t.Fatal(err)
	}
	return p, g
}

// isGroup wants an m= line that is the group, receive-only.
func isGroup(t *testing.T, body []byte, g *multicast.Group) {
	t.Helper()
	for _, want := range []string{
		fmt.Sprintf("m=audio %d RTP/", g.Place().Port), fmt.Sprintf("\r\nc=IN IP4 %v/1\r\n", g.Place().Group), "\r\na=recvonly\r\n",
	} {
		if !bytes.Contains(body, []byte(want)) {
			t.Fatalf("no %q in\n%s", want, body)
		}
	}
}

func isUnicast(t *testing.T, body []byte) {
	t.Helper()
	if bytes.Contains(body, []byte("c=IN IP4 239.")) || !bytes.Contains(body, []byte("a=sendrecv")) || bytes.Count(body, []byte("m=")) != 1 {
		t.Fatalf("no stream of its own:\n%s", body)
	}
}

// echo is a body as the peer would send it back.
func echo(body []byte) string { return strings.ReplaceAll(string(body), "\r\n", "\n") }

// listens waits until the room has its one participant where it should be.
func (s *server) listens(p *peer, onGroup, muted bool) {
	s.t.Helper()
	var is rooms.ParticipantView
	wait.For(s.t, fmt.Sprintf("on the group: %v, muted: %v", onGroup, muted), func() bool {
		all := s.present(p)
		if len(all) != 1 {
			return false
		}
		is = all[0]
		return is.OnGroup == onGroup && is.Muted == muted
	})
	want := rooms.Delivery("")
	if onGroup {
		want = rooms.DeliverMulticast
	}
	if is.Delivery != want {
		s.t.Errorf("delivery is %q, on the group: %v", is.Delivery, onGroup)
	}
}

// present is who is in the peer's room.
func (s *server) present(p *peer) []rooms.ParticipantView {
	s.t.Helper()
	all, err := s.registry.Views(rooms.Name(p.roomName()))
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

func (p *peer) roomName() string { name, _, _ := strings.Cut(p.room, ";"); return name }

// reinvited answers the next re-INVITE and returns it when the ACK is there.
func (p *peer) reinvited(code int, body func(offer []byte) string) *sip.Request {
	p.t.Helper()
	req := p.await(sip.INVITE)
	text := ""
	if body != nil {
		text = body(req.Body())
	}
	p.answer(req, code, "", text)
	if code == 200 {
		if ack := p.await(sip.ACK); ack.CSeq().SeqNo != req.CSeq().SeqNo {
			p.t.Errorf("ACK %v for INVITE %v", ack.CSeq(), req.CSeq())
		}
	}
	return req
}

// own answers with the peer's own address.
func (p *peer) own([]byte) string { return offer(p.local, "sendrecv") }

// move begins to move the one participant; what comes of it is in the channel.
func (s *server) move(p *peer, change func(*rooms.ParticipantSettings)) <-chan error {
	s.t.Helper()
	all := s.present(p)
	if len(all) != 1 {
		s.t.Fatalf("%d participants", len(all))
	}
	done := make(chan error, 1)
	ctx := short(s.t)
	go func() {
		_, err := s.registry.PatchParticipant(ctx, rooms.Name(p.roomName()), all[0].ID,
			func(x *rooms.ParticipantSettings) error { change(x); return nil }, nil)
		done <- err
	}()
	return done
}

func toGroup(s *rooms.ParticipantSettings)   { s.Delivery = rooms.DeliverMulticast }
func toUnicast(s *rooms.ParticipantSettings) { s.Delivery = rooms.DeliverUnicast }

// moveToGroup moves the peer, which is willing.
func (s *server) moveToGroup(p *peer, g *multicast.Group) {
	s.t.Helper()
	done := s.move(p, toGroup)
	isGroup(s.t, p.reinvited(200, echo).Body(), g)
	if err := <-done; err != nil {
		s.t.Fatal(err)
	}
	s.listens(p, true, true)
}

func (s *server) hangUp(p *peer) {
	s.t.Helper()
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
}

func TestAsksForGroup(t *testing.T) {
	for user, want := range map[string]bool{
		"room": false, "room;multicast": true, "room;x=1;MultiCast": true, "multicast": false, "room;multicasts": false, ";multicast": true,
	} {
		if asksForGroup(user) != want {
			t.Errorf("%s: %v", user, !want)
		}
	}
}

func TestCallerWithoutOfferGetsGroup(t *testing.T) {
	for _, c := range []struct {
		offer, param string
		want         bool
	}{{"", "", false}, {"", ";multicast", true}, {multicast.OfferAlways, "", true}} {
		s := start(t)
		p, g := lecture(t, s, multicast.Spec{Offer: c.offer})
		p.room += c.param
		res := p.invite("", "")
		if !c.want {
			isUnicast(t, res.Body())
			p.ack(p.own(nil))
			s.only().confirmed(t)
			s.listens(p, false, false)
			s.hangUp(p)
			continue
		}
		isGroup(t, res.Body(), g)
		p.ack(echo(res.Body()))
		d := s.only().confirmed(t)
		s.listens(p, true, true)
		if r, err := s.registry.Get(rooms.Name(p.roomName())); err != nil || r.Group.Listeners != 1 || r.Count != 1 {
			t.Errorf("room %+v, %v", r, err)
		}
		if sent := d.call.leg.Stats(); sent.PacketsSent != 0 || s.Stats().GroupJoined != 1 {
			t.Errorf("%d packets by unicast, %d on the group", sent.PacketsSent, s.Stats().GroupJoined)
		}
		s.hangUp(p)
		if r, err := s.registry.Get(rooms.Name(p.roomName())); err != nil || r.Group.Listeners != 0 {
			t.Errorf("after the BYE: %+v, %v", r.Group, err)
		}
	}
}

func TestGroupInOfferIsEchoed(t *testing.T) {
	s := start(t)
	p, g := lecture(t, s, multicast.Spec{})
	sdp, _ := g.Description(true)
	res := p.invite("", echo(sdp))
	isGroup(t, res.Body(), g)
	p.ack("")
	s.listens(p, true, true)
	// A hold and its end leave it there; so do refreshes.
	d := s.only().confirmed(t)
	for _, way := range []string{"inactive", "recvonly"} {
		res := p.expect(200, p.request("UPDATE", "", strings.Replace(echo(sdp), "a=recvonly", "a="+way, 1)))
		if !bytes.Contains(res.Body(), []byte("a="+way)) {
			t.Errorf("%s is answered with\n%s", way, res.Body())
		}
	}
	res = p.expect(200, p.request("INVITE", "", ""))
	isGroup(t, res.Body(), g)
	p.ack(echo(res.Body()))
	d.confirmedAgain(t)
	s.listens(p, true, true)
	s.hangUp(p)
}

// Phones hear a group with video, and are neither offered its pictures nor sent pictures to it:
// these are the room's to send, once.
func TestPhonesTakeTheSoundOfAGroupWithVideo(t *testing.T) {
	for _, asks := range []bool{true, false} {
		s := startVideo(t)
		p, g := lecture(t, s, multicast.Spec{Video: true})
		if err := g.SetVideo(vp8); err != nil {
			t.Fatal(err)
		}
		body := ""
		if asks {
			p.room += ";multicast"
		} else {
			sdp, _ := g.Description(true)
			body = echo(sdp)
		}
		res := p.invite("", body)
		isGroup(t, res.Body(), g)
		if asks {
			p.ack(echo(res.Body()))
		} else {
			p.ack("")
		}
		if video := bytes.Contains(res.Body(), []byte("m=video")); video == asks || video && !bytes.Contains(res.Body(), []byte("m=video 0 ")) {
			t.Errorf("asked for: %v\n%s", asks, res.Body())
		}
		s.listens(p, true, true)
		s.hangUp(p)
	}
}

func TestOtherGroupsAreRefused(t *testing.T) {
	s := start(t)
	p, g := lecture(t, s, multicast.Spec{})
	sdp, _ := g.Description(true)
	other := strings.Replace(echo(sdp), g.Place().Group.String(), "239.255.77.77", 1)
	res := p.expect(488, p.request("INVITE", "", other))
	if w := header(t, res, "Warning"); !strings.HasPrefix(w, "330 ") {
		t.Errorf("Warning: %s", w)
	}
	p.send(p.buildBranch(p.branch, "ACK", p.cseq, "", ""))
	s.settled()
}

// A caller that asks for the group beside an offer of its own is moved once its call stands.
func TestAskedBesideUnicast(t *testing.T) {
	s := start(t)
	p, g := lecture(t, s, multicast.Spec{})
	p.room += ";multicast"
	isUnicast(t, p.call("").Body())
	isGroup(t, p.reinvited(200, echo).Body(), g)
	s.listens(p, true, true)
	s.hangUp(p)
}

func TestMoveAndBack(t *testing.T) {
	s := start(t)
	p, g := lecture(t, s, multicast.Spec{})
	p.call("Supported: timer\n")
	d := s.only().confirmed(t)
	before := *d.negotiated()
	s.moveToGroup(p, g)
	done := s.move(p, toUnicast)
	req := p.reinvited(200, p.own)
	isUnicast(t, req.Body())
	if got := header(t, req, "Session-Expires"); got != "1800;refresher=uac" {
		t.Errorf("Session-Expires: %s", got)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	s.listens(p, false, true)
	if after := d.negotiated(); !after.Equal(&before) {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
	s.hangUp(p)
}

// Whatever a peer has against the group, it is served by unicast as before, and the API is
// told.
func TestPeerRefusesGroup(t *testing.T) {
	for name, refuse := range map[string]func(p *peer){
		"488": func(p *peer) { p.reinvited(488, nil) },
		"own address": func(p *peer) {
			p.reinvited(200, p.own)
			isUnicast(p.t, p.reinvited(200, p.own).Body())
		},
		"no answer": func(p *peer) { p.await(sip.INVITE) },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			p, _ := lecture(t, s, multicast.Spec{})
			p.call("")
			d := s.only().confirmed(t)
			before := *d.negotiated()
			done := s.move(p, toGroup)
			refuse(p)
			if err := <-done; rooms.CodeOf(err) != rooms.Conflict {
				t.Errorf("the move came to %v", err)
			}
			s.listens(p, false, false)
			if after := d.negotiated(); !after.Equal(&before) {
				t.Errorf("before %+v\nafter %+v", before, after)
			}
			if s.Stats().GroupRefused != 1 || s.Stats().GroupJoined != 0 {
				t.Errorf("%+v", s.Stats())
			}
			s.hangUp(p)
		})
	}
}

func TestGlareWithMove(t *testing.T) {
	s := start(t)
	p, g := lecture(t, s, multicast.Spec{})
	p.call("")
	s.only().confirmed(t)
	done := s.move(p, toGroup)
	p.reinvited(491, nil)
	isGroup(t, p.reinvited(200, echo).Body(), g)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	s.hangUp(p)
}

// An answer in the ACK that is not the group is followed by an offer of a stream.
func TestAnswerInACKIsNotTheGroup(t *testing.T) {
	s := start(t)
	p, g := lecture(t, s, multicast.Spec{Offer: multicast.OfferAlways})
	res := p.invite("", "")
	isGroup(t, res.Body(), g)
	p.ack(p.own(nil))
	isUnicast(t, p.reinvited(200, p.own).Body())
	s.listens(p, false, false)
	d := s.only()
	wait.For(t, "the stream", func() bool { n := d.negotiated(); return n.Audio && n.RemoteRTP.IsValid() })
	s.hangUp(p)
}

// A listener that wants to speak gets a stream of its own, and goes back when it is muted.
func TestListenerSpeaks(t *testing.T) {
	s := start(t)
	p, g := lecture(t, s, multicast.Spec{})
	p.call("")
	d := s.only().confirmed(t)
	s.moveToGroup(p, g)
	muted := func(m bool) func(*rooms.ParticipantSettings) {
		return func(s *rooms.ParticipantSettings) { s.Muted = m }
	}
	// By itself:
	p.expect(200, p.request("INVITE", "", p.own(nil)))
	p.ack("")
	d.confirmedAgain(t)
	s.speaks(p)
	done := s.move(p, muted(true))
	isGroup(t, p.reinvited(200, echo).Body(), g)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	s.listens(p, true, true)
	// By the API:
	done = s.move(p, muted(false))
	isUnicast(t, p.reinvited(200, p.own).Body())
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	s.speaks(p)
	done = s.move(p, muted(true))
	p.reinvited(200, echo)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	s.listens(p, true, true)
	// Whom the API has muted does not get round that by itself.
	p.expect(200, p.request("INVITE", "", p.own(nil)))
	p.ack("")
	d.confirmedAgain(t)
	s.listens(p, false, true)
	s.hangUp(p)
}

// speaks waits until the participant is heard, by a stream of its own, and would go back.
func (s *server) speaks(p *peer) {
	s.t.Helper()
	wait.For(s.t, "a speaker", func() bool {
		all := s.present(p)
		return len(all) == 1 && !all[0].OnGroup && !all[0].Muted && all[0].Delivery == rooms.DeliverMulticast
	})
}

func TestNewKeyReachesListeners(t *testing.T) {
	s := start(t)
	p, g := lecture(t, s, multicast.Spec{SRTP: true})
	p.call("")
	s.only().confirmed(t)
	done := s.move(p, toGroup)
	first := p.reinvited(200, echo).Body()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := s.registry.Rekey(rooms.Name(p.room)); err != nil {
		t.Fatal(err)
	}
	second := p.reinvited(200, echo).Body()
	isGroup(t, second, g)
	if k := keyLine(t, second); k == keyLine(t, first) {
		t.Errorf("the key is still %s", k)
	}
	s.listens(p, true, true)
	// Who refuses the next is served by unicast.
	if _, err := s.registry.Rekey(rooms.Name(p.room)); err != nil {
		t.Fatal(err)
	}
	p.reinvited(488, nil)
	isUnicast(t, p.reinvited(200, p.own).Body())
	s.listens(p, false, false)
	s.hangUp(p)
}

func keyLine(t *testing.T, body []byte) string {
	t.Helper()
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "a=crypto:") {
			return line
		}
	}
	t.Fatalf("no key in\n%s", body)
	return ""
}

func TestRefreshKeepsGroup(t *testing.T) {
	s := start(t)
	p, g := lecture(t, s, multicast.Spec{})
	p.call("Supported: timer\n")
	d := s.only().confirmed(t)
	s.moveToGroup(p, g)
	d.refreshSoon()
	isGroup(t, p.reinvited(200, echo).Body(), g)
	s.listens(p, true, true)
	// Who answers it with anything else is served by unicast.
	wait.For(t, "the refresh to end", func() bool { d.mu.Lock(); defer d.mu.Unlock(); return !d.asking })
	d.refreshSoon()
	p.reinvited(200, p.own)
	isUnicast(t, p.reinvited(200, p.own).Body())
	s.listens(p, false, false)
	s.hangUp(p)
}

func TestNoReportBringsBack(t *testing.T) {
	s := start(t, func(c *Config) { c.ReportTimeout = 20 * time.Millisecond })
	p, g := lecture(t, s, multicast.Spec{})
	p.call("")
	s.only().confirmed(t)
	s.moveToGroup(p, g)
	isUnicast(t, p.reinvited(200, p.own).Body())
	s.listens(p, false, false)
	if s.Stats().GroupUnreported != 1 {
		t.Errorf("%+v", s.Stats())
	}
	s.hangUp(p)
}

// A report of the listener's shows that the group reaches it.
func TestReportKeepsGroup(t *testing.T) {
	s := start(t, func(c *Config) { c.ReportTimeout = time.Hour })
	p, g := lecture(t, s, multicast.Spec{})
	p.call("")
	d := s.only().confirmed(t)
	s.moveToGroup(p, g)
	conn, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)},
		net.UDPAddrFromAddrPort(netip.AddrPortFrom(g.Source(), uint16(g.Place().Port)+1)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	wait.For(t, "the report to be taken", func() bool {
		report, _ := (&rtcp.ReceiverReport{SSRC: 77, Reports: []rtcp.ReceptionReport{{SSRC: g.Stats().SSRC}}}).Marshal()
		name, _ := rtcp.NewCNAMESourceDescription(77, "listener").Marshal()
		_, _ = conn.Write(append(report, name...))
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.call.reports.first.Met()
	})
	d.mu.Lock()
	timer := d.call.reports.timer
	d.mu.Unlock()
	d.missReport(timer)
	s.listens(p, true, true)
	s.hangUp(p)
}

// A large audience takes its time to report, and newcomers with it.
func TestReportTime(t *testing.T) {
	for _, c := range []struct {
		audience, rate int
		want           time.Duration
	}{{0, 3000, 15 * time.Second}, {18, 3000, 15 * time.Second}, {19, 3000, 15200 * time.Millisecond}, {10000, 3000, 8000 * time.Second}, {10000, 0, 15 * time.Second}} {
		if got := reportTime(15*time.Second, c.audience, c.rate); got != c.want {
			t.Errorf("%d listeners at %d bit/s: %v, want %v", c.audience, c.rate, got, c.want)
		}
	}
}

func TestPacerSpaces(t *testing.T) {
	var p pacer
	began := time.Now()
	for range 3 {
		if err := p.wait(context.Background(), 10*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took < 20*time.Millisecond {
		t.Errorf("three in %v", took)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.wait(ctx, time.Hour); err == nil && p.wait(ctx, time.Hour) == nil {
		t.Error("it waited for nobody")
	}
}
