package focus

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/multicast"
	"github.com/confd/confd/rooms"
)

// Lines come and go by re-INVITE, each with ports while it is in use.
func TestVideoLinesChange(t *testing.T) {
	s, p, d := viewing(t)
	s.pairs(1)
	answer := p.reoffer(lineVP8(40002))
	first := ports(answer)[0]
	s.pairs(2)
	answer = p.reoffer(lineVP8(40002), lineVP8(40004))
	if got := ports(answer); len(got) != 2 || got[0] != first || got[1] == 0 {
		t.Errorf("with a second line, the answer is\n%s", answer)
	}
	second := ports(answer)[1]
	s.pairs(3)
	answer = p.reoffer(lineVP8(0), lineVP8(40004))
	if got := ports(answer); got[0] != 0 || got[1] != second {
		t.Errorf("without the first line, the answer is\n%s", answer)
	}
	// The first line gives way to a third at the moment at which that comes.
	p.reoffer(lineVP8(40002), lineVP8(40004))
	answer = p.reoffer(lineVP8(0), lineVP8(40004), lineVP8(40006))
	if got := ports(answer); got[0] != 0 || got[1] != second || got[2] == 0 {
		t.Errorf("with a third line for the first, the answer is\n%s", answer)
	}
	if got := d.videos(t); len(got) != 3 || got[0].State != rooms.VideoRefused || got[1].State != rooms.VideoOn || got[2].State != rooms.VideoOn {
		t.Errorf("the room has %+v", got)
	}
	p.reoffer(lineVP8(0), lineVP8(0), lineVP8(0))
	s.pairs(1)
	d.mu.Lock()
	for _, m := range d.call.video.told {
		if m.Can != nil {
			t.Errorf("line %d, which the peer has closed, is told as one that can %v", m.Line, m.Can)
		}
	}
	d.mu.Unlock()
	s.leave(p)
}

func TestVideoHold(t *testing.T) {
	s, p, d := viewing(t, lineVP8(40002))
	port := d.legPort(0)
	for _, c := range []struct {
		audio, line string
		config      forwarder.LineConfig
	}{
		{"sendonly", lineVP8(40002) + "a=sendonly\n", forwarder.LineConfig{Receive: true, Muted: true}},
		{"sendrecv", lineVP8(40002), forwarder.LineConfig{Send: true, Receive: true}},
		{"sendrecv", lineVP8(40002) + "a=sendonly\n", forwarder.LineConfig{Receive: true}},
		{"inactive", lineVP8(40002) + "a=inactive\n", forwarder.LineConfig{Muted: true}},
		{"sendrecv", both(40002), forwarder.LineConfig{Send: true, Receive: true}},
	} {
		p.expect(200, p.request("INVITE", "", offer(p.local, c.audio)+c.line))
		p.ack("")
		d.mu.Lock()
		got := d.call.video.told[0].Config
		d.mu.Unlock()
		if got.Format != vp8 || got.Send != c.config.Send || got.Receive != c.config.Receive || got.Muted != c.config.Muted {
			t.Errorf("after %s\n%sthe line is %+v", c.audio, c.line, got)
		}
		if d.legPort(0) != port {
			t.Error("the line has got another port")
		}
	}
	// A change that cannot be leaves everything as it is.
	before := *d.negotiated()
	p.expect(488, p.request("INVITE", "", strings.Replace(offer(p.local, "sendrecv"), "0 8 101", "18", 1)+lineVP8(40008)))
	p.send(p.buildBranch(p.branch, "ACK", p.cseq, "", ""))
	if after := d.negotiated(); !after.Equal(&before) {
		t.Error("a refused re-INVITE has changed the session")
	}
	s.pairs(2)
	s.leave(p)
}

// A CANCEL that comes while video is being taken away leaves it, ports and all.
func TestCancelledReinviteKeepsVideo(t *testing.T) {
	s, p, d := viewing(t, lineVP8(40002), lineVP8(40004))
	before, legs := *d.negotiated(), []int{d.legPort(0), d.legPort(1)}
	goOn := s.stallRoom(p.room)
	p.send(p.request("INVITE", "", offer(p.local, "sendrecv")+lineVP8(0)+lineVP8(0)+lineVP8(40006)))
	wait.For(t, "the re-INVITE to arrive", d.inviting.Load)
	invite := p.branch
	p.send(p.buildBranch(invite, "CANCEL", p.cseq, "", ""))
	p.final()
	p.send(p.buildBranch(invite, "ACK", p.cseq, "", ""))
	goOn()
	wait.For(t, "the re-INVITE to be given up", func() bool { return !d.inviting.Load() })
	if after := d.negotiated(); !after.Equal(&before) || !slices.Equal(legs, []int{d.legPort(0), d.legPort(1)}) {
		t.Errorf("the session has changed to %+v", after.Video)
	}
	for i, v := range d.videos(t) {
		if v.State != rooms.VideoOn {
			t.Errorf("line %d is %+v", i, v)
		}
	}
	s.pairs(3)
	s.leave(p)
}

// Session refreshes keep video, in either direction.
func TestRefreshKeepsVideo(t *testing.T) {
	s := startVideo(t)
	p := dial(t, "UDP", s.addr(0))
	d, answer := s.watch(p, lineVP8(40002))
	if again := p.reoffer(lineVP8(40002)); !slices.Equal(ports(again), ports(answer)) {
		t.Errorf("the answer was\n%s\nis\n%s", answer, again)
	}
	d.mu.Lock()
	body, err := d.call.reoffer()
	d.call.withdraw()
	d.mu.Unlock()
	if err != nil || !slices.Equal(ports(string(body)), ports(answer)) || !strings.Contains(string(body), "VP8") {
		t.Errorf("the refresh is %v\n%s", err, body)
	}
	s.pairs(2)
	s.leave(p)
}

// Who goes to the room's multicast group, and comes back, keeps its video.
func TestVideoBesideTheGroup(t *testing.T) {
	s := startVideo(t)
	p, _ := lecture(t, s, multicast.Spec{})
	d, answer := s.watch(p, lineVP8(40002))
	move := func(to func(*rooms.ParticipantSettings), own func(offer string) string) {
		t.Helper()
		done := s.move(p, to)
		invite := p.await(sip.INVITE)
		body := string(invite.Body())
		if !slices.Equal(ports(body), ports(answer)) {
			t.Errorf("the offer is\n%s", body)
		}
		p.answer(invite, 200, p.contactHeader(), own(echo(invite.Body())))
		p.await(sip.ACK)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		d.becomes(t, rooms.VideoOn, vp8)
		s.pairs(2)
	}
	move(toGroup, func(offer string) string {
		before, _, _ := strings.Cut(offer, "m=video")
		return before + lineVP8(40002)
	})
	s.listens(p, true, true)
	move(toUnicast, func(string) string { return offer(p.local, "sendrecv") + lineVP8(40002) })
	if d.negotiated().Multicast.IsValid() {
		t.Error("it still listens to the group")
	}
	s.leave(p)
}

// The room lets go of a leg before another line has it: the leg belongs to the forwarder's
// worker until then.
func TestALegIsVacatedForAnotherLine(t *testing.T) {
	s, p, d := viewing(t, lineVP8(40002), lineVP8(40004))
	d.mu.Lock()
	leg := d.call.video.legs[0]
	err := d.call.vacate(short(t), []videoLine{{VideoMedia: rooms.VideoMedia{Line: 3, Port: leg}, leg: leg}})
	d.mu.Unlock()
	if got := d.videos(t); err != nil || len(got) != 1 || got[0].Line != 2 {
		t.Errorf("the room still has %+v: %v", got, err)
	}
	s.leave(p)
}

// A hundred calls with video come and go, change and are cut off, and nothing of them stays.
func TestVideoLeavesNothing(t *testing.T) {
	s := startVideo(t)
	warm := dial(t, "UDP", s.addr(0))
	s.watch(warm, lineVP8(40002))
	warm.expect(200, warm.request("BYE", "", ""))
	s.settled()
	before := leak.Take()
	var all []*peer
	for i := range 100 {
		p := dial(t, "UDP", s.addr(0))
		all = append(all, p)
		p.room = fmt.Sprintf("leak%d", i%7)
		d, _ := s.watch(p, both(40002), lineVP8(40004))
		switch i % 5 {
		case 0:
			p.reoffer(lineVP8(0), lineVP8(40004))
		case 1:
			p.reoffer(lineVP8(40002), lineVP8(0))
		case 2:
			_ = d.SetVideo(canceled(), vp8)
		case 3:
			if _, err := s.registry.Move(short(t), rooms.Name(p.room), d.call.part.ID(), "elsewhere"); err != nil && rooms.CodeOf(err) != rooms.NotFound {
				t.Error(err)
			}
		}
	}
	for i, p := range all {
		if i%2 == 0 {
			p.expect(200, p.request("BYE", "", ""))
			continue
		}
		s.dialogOf(p).End(rooms.Reason{Code: rooms.ReasonRemoved})
		p.answer(p.await(sip.BYE), 200, "", "")
	}
	s.settled()
	for _, p := range all {
		p.conn.Close()
	}
	if err := before.Wait(patience); err != nil {
		t.Error(err)
	}
}
