package focus

import (
	"strings"
	"sync"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/rooms"
)

// stall is a call whose End blocks, and with it the room, until go on is closed.
type stall struct{ reached, goOn chan struct{} }

func (s stall) End(rooms.Reason) {
	close(s.reached)
	<-s.goOn
}

// stallRoom keeps the room of p from doing anything until the returned function is called.
func (s *server) stallRoom(room string) (goOn func()) {
	s.t.Helper()
	hold := stall{make(chan struct{}), make(chan struct{})}
	part, err := s.registry.Join(short(s.t), rooms.JoinRequest{Room: rooms.Name(room), Trusted: true, Call: hold})
	if err != nil {
		s.t.Fatal(err)
	}
	go part.Remove(short(s.t), rooms.Reason{Code: rooms.ReasonRemoved})
	<-hold.reached
	goOn = sync.OnceFunc(func() { close(hold.goOn) })
	s.t.Cleanup(goOn)
	return goOn
}

// A CANCEL that comes while a re-INVITE is put into force gets 200, the re-INVITE 487, and
// the session is as it was: media, target and timer.
func TestCancelledReinviteChangesNothing(t *testing.T) {
	for name, body := range map[string]func(p *peer) string{
		"with an offer":    func(p *peer) string { return strings.Replace(offer(p.local, "sendonly"), "40000", "41000", 1) },
		"without an offer": func(*peer) string { return "" },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			p := dial(t, "UDP", s.addr(0))
			p.call("")
			d := s.only().confirmed(t)
			before, contact := *d.negotiated(), p.contact
			goOn := s.stallRoom(p.room)
			if name == "without an offer" { // nothing of it needs the room
				d.mu.Lock()
				unlock := sync.OnceFunc(d.mu.Unlock)
				t.Cleanup(unlock)
				goOnRoom := goOn
				goOn = func() { unlock(); goOnRoom() }
			}
			p.contact = "127.0.0.1:9"
			p.send(p.request("INVITE", "Supported: timer\nSession-Expires: 90\n", body(p)))
			p.contact = contact
			wait.For(t, "the re-INVITE to arrive", d.inviting.Load)
			invite := p.branch
			p.send(p.buildBranch(invite, "CANCEL", p.cseq, "", ""))
			codes := map[sip.RequestMethod]int{}
			for len(codes) < 2 {
				if res, ok := p.next().(*sip.Response); ok && !res.IsProvisional() && res.CSeq().SeqNo == uint32(p.cseq) {
					codes[res.CSeq().MethodName] = res.StatusCode
				}
			}
			if codes[sip.CANCEL] != 200 || codes[sip.INVITE] != 487 {
				t.Errorf("answers are %v, want 200 to CANCEL and 487 to INVITE", codes)
			}
			p.send(p.buildBranch(invite, "ACK", p.cseq, "", ""))
			goOn()
			wait.For(t, "the re-INVITE to be given up", func() bool { return !d.inviting.Load() })
			d.mu.Lock()
			leg, pending, target, interval := d.call.leg, d.call.pending, d.target.HostPort(), d.session.interval
			d.mu.Unlock()
			if after := d.negotiated(); !after.Equal(&before) || pending != nil {
				t.Errorf("the session has changed: %s to %s, pending %v", after.Direction, after.RemoteRTP, pending != nil)
			}
			if remote := leg.Stats().Remote; remote.Port() != 40000 {
				t.Errorf("media goes to %s", remote)
			}
			if target != contact || interval != 0 {
				t.Errorf("the target is %s, the session interval %v", target, interval)
			}
			p.expect(200, p.request("UPDATE", "", offer(p.local, "sendonly")))
			p.expect(200, p.request("BYE", "", ""))
			s.settled()
		})
	}
}
