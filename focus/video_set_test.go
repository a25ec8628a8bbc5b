package focus

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/media"
	"github.com/confd/confd/rooms"
)

func TestSetVideo(t *testing.T) {
	s, p, d := viewing(t, both(40002))
	port := d.legPort(0)
	s.settle(p.room, "h264")
	invite := p.take(lineH264(40002))
	if body := string(invite.Body()); !strings.Contains(body, "H264") || strings.Contains(body, "VP8") || !slices.Equal(ports(body), []int{port}) {
		t.Errorf("the offer is\n%s", body)
	}
	d.becomes(t, rooms.VideoOn, h264)
	s.settle(p.room, "")
	p.take(lineH264(0))
	d.becomes(t, rooms.VideoRefused, media.VideoFormat{})
	s.pairs(1)
	s.settle(p.room, "h264")
	p.take(lineH264(40002))
	d.becomes(t, rooms.VideoOn, h264)
	s.pairs(2)
	s.leave(p)
}

func TestSetVideoMeetsAnOffer(t *testing.T) {
	s, p, d := viewing(t, both(40002))
	s.settle(p.room, "h264")
	p.answer(p.await(sip.INVITE), 491, "", "")
	p.take(lineH264(40002))
	d.becomes(t, rooms.VideoOn, h264)
	s.leave(p)
}

// Who refuses another format, or does not answer at all, keeps the session as it was.
func TestSetVideoIsRefused(t *testing.T) {
	for name, answer := range map[string]func(p *peer, invite *sip.Request){
		"488":    func(p *peer, invite *sip.Request) { p.answer(invite, 488, "", "") },
		"silent": func(*peer, *sip.Request) {},
	} {
		t.Run(name, func(t *testing.T) {
			s := startVideo(t)
			p, other := dial(t, "UDP", s.addr(0)), dial(t, "UDP", s.addr(0))
			other.room = p.room
			d, _ := s.watch(p, both(40002))
			before := *d.negotiated()
			s.watch(other, lineVP8(40002))
			err := make(chan error, 1)
			go func() { err <- d.SetVideo(short(t), h264) }()
			answer(p, p.await(sip.INVITE))
			if err := <-err; err == nil {
				t.Error("it is said to have changed")
			}
			if after := d.negotiated(); !after.Equal(&before) {
				t.Error("the session has changed")
			}
			d.becomes(t, rooms.VideoOn, vp8)
			s.pairs(4)
			s.leave(p, other)
		})
	}
}

// An answer that cannot be is followed by an offer of everything.
func TestSetVideoIsAnsweredWrongly(t *testing.T) {
	s, p, d := viewing(t, both(40002))
	err := make(chan error, 1)
	go func() { err <- d.SetVideo(short(t), h264) }()
	p.answer(p.await(sip.INVITE), 200, p.contactHeader(), "")
	p.take(lineVP8(40002))
	if err := <-err; err == nil {
		t.Error("it is said to have changed")
	}
	d.becomes(t, rooms.VideoOn, vp8)
	s.pairs(2)
	s.leave(p)
}

// Who has never answered an offer is not asked to change what is not there.
func TestSetVideoBeforeAnything(t *testing.T) {
	s := startVideo(t)
	p := dial(t, "UDP", s.addr(0))
	p.invite("", "")
	d := s.dialogOf(p)
	d.mu.Lock()
	_, err := d.call.offerVideo(vp8)
	d.mu.Unlock()
	if err == nil {
		t.Error("an offer was made")
	}
	p.ack(offer(p.local, "sendrecv") + lineVP8(40002))
	d.confirmed(t)
	s.leave(p)
}

// A line that was refused for its format gets ports once the room has one that it can.
func TestVideoIsAcceptedLater(t *testing.T) {
	s := startVideo(t)
	p := dial(t, "UDP", s.addr(0))
	if _, err := s.registry.Create(short(t), rooms.Name(p.room), rooms.Settings{Video: rooms.VideoSettings{Codecs: []string{"vp8"}}}); err != nil {
		t.Fatal(err)
	}
	d, answer := s.watch(p, lineH264(40002))
	if ports(answer)[0] != 0 {
		t.Errorf("the answer is\n%s", answer)
	}
	s.pairs(1)
	s.settle(p.room, "h264")
	if invite := p.take(lineH264(40002)); ports(string(invite.Body()))[0] == 0 {
		t.Errorf("the offer is\n%s", invite.Body())
	}
	d.becomes(t, rooms.VideoOn, h264)
	s.pairs(2)
	s.leave(p)
}

// A room whose format changes asks those who can to follow.
func TestVideoFollowsTheMajority(t *testing.T) {
	s := startVideo(t)
	o, p, q, r := dial(t, "UDP", s.addr(0)), dial(t, "UDP", s.addr(0)), dial(t, "UDP", s.addr(0)), dial(t, "UDP", s.addr(0))
	p.room, q.room, r.room = o.room, o.room, o.room
	s.watch(o, lineVP8(40002))
	s.watch(p, both(40002))
	if _, answer := s.watch(q, lineH264(40002)); ports(answer)[0] != 0 {
		t.Errorf("the first of another format has\n%s", answer)
	}
	if _, answer := s.watch(r, lineH264(40002)); ports(answer)[0] == 0 {
		t.Errorf("the second of another format has\n%s", answer)
	}
	if body := string(o.take(lineVP8(0)).Body()); ports(body)[0] != 0 {
		t.Errorf("who cannot the other is offered\n%s", body)
	}
	o.expect(200, o.request("BYE", "", ""))
	for _, one := range []*peer{p, q} {
		body := string(one.take(lineH264(40002)).Body())
		if !strings.Contains(body, "H264") || strings.Contains(body, "VP8") || ports(body)[0] == 0 {
			t.Errorf("the offer is\n%s", body)
		}
	}
	for _, one := range []*peer{p, q, r} {
		s.dialogOf(one).becomes(t, rooms.VideoOn, h264)
	}
	s.leave(p, q, r)
}

// Whatever changes at the same time, every request is answered and nothing stays.
func TestVideoRaces(t *testing.T) {
	s, p, d := viewing(t, both(40002))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 20 {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			_ = d.SetVideo(ctx, []media.VideoFormat{h264, vp8, {}}[i%3])
			cancel()
			d.AskKeyFrame(1)
		}
	}()
	for running := true; running; {
		select {
		case m := <-p.in:
			if req, ok := m.(*sip.Request); ok && req.Method == sip.INVITE {
				body := string(req.Body())
				line := lineVP8(40002)
				if strings.Contains(body, "H264") {
					line = lineH264(40002)
				}
				if ports(body)[0] == 0 {
					line = lineVP8(0)
				}
				p.answer(req, 200, p.contactHeader(), offer(p.local, "sendrecv")+line)
				p.send(p.request("UPDATE", "", offer(p.local, "sendonly")+both(40002)))
			} else if ok && req.Method == sip.INFO {
				p.answer(req, 200, "", "")
			}
		case <-done:
			running = false
		}
	}
	p.send(p.request("BYE", "", ""))
	s.settled()
}
