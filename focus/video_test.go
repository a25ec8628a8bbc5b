package focus

import (
	"context"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/focus/offeranswer"
	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast"
	"github.com/confd/confd/rooms"
	"github.com/confd/confd/transport"
)

var (
	vp8  = media.VideoFormat{Codec: media.VP8}
	h264 = media.VideoFormat{Codec: media.H264, Profile: media.H264ConstrainedBaseline, PacketizationMode: 1}
)

// startVideo runs a server whose rooms have video in VP8 or else H.264.
func startVideo(t *testing.T, change ...func(*Config)) *server {
	t.Helper()
	f, err := forwarder.New(forwarder.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return startWith(t, rooms.VideoConfig{Engine: f, Formats: []media.VideoFormat{vp8, h264}}, change...)
}

// What follows are m=video lines of an offer or answer, at a port.

func lineVP8(port int) string { return videoLineOf(port, 96, "VP8/90000", "") }

func lineVP9(port int) string { return videoLineOf(port, 98, "VP9/90000", "profile-id=0") }

func lineH264(port int) string {
	return videoLineOf(port, 97, "H264/90000", "profile-level-id=42e01f;packetization-mode=1")
}

func videoLineOf(port, pt int, name, params string) string {
	s := fmt.Sprintf("m=video %d RTP/AVP %d\na=rtpmap:%d %s\na=rtcp-fb:* nack pli\n", port, pt, pt, name)
	if params != "" {
		s += fmt.Sprintf("a=fmtp:%d %s\n", pt, params)
	}
	return s
}

// both is a line with VP8 and H.264.
func both(port int) string {
	return strings.Replace(lineVP8(port), "AVP 96", "AVP 96 97", 1) + "a=rtpmap:97 H264/90000\na=fmtp:97 profile-level-id=42e01f;packetization-mode=1\n"
}

// watch sets up a call with video lines, and returns its dialog and the answer.
func (s *server) watch(p *peer, lines ...string) (*dialog, string) {
	s.t.Helper()
	res := p.invite("", offer(p.local, "sendrecv")+strings.Join(lines, ""))
	p.ack("")
	return s.dialogOf(p).confirmed(s.t), string(res.Body())
}

// dialogOf returns the dialog with a peer.
func (s *server) dialogOf(p *peer) *dialog {
	s.t.Helper()
	all := s.dialogs.all()
	i := slices.IndexFunc(all, func(d *dialog) bool { return d.key.callID == p.callID })
	if i < 0 {
		s.t.Fatal("the call has no dialog")
	}
	return all[i]
}

// videos are the lines that the room has of a call.
func (d *dialog) videos(t *testing.T) []rooms.VideoLineSnapshot {
	t.Helper()
	d.mu.Lock()
	part := d.call.part
	d.mu.Unlock()
	s, err := part.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return s.Video
}

// ports are those of the m=video lines of a description.
func ports(sdp string) (all []int) {
	for line := range strings.Lines(sdp) {
		var port int
		if n, _ := fmt.Sscanf(line, "m=video %d", &port); n == 1 {
			all = append(all, port)
		}
	}
	return all
}

// reoffer re-INVITEs with video lines and returns the answer.
func (p *peer) reoffer(lines ...string) string {
	p.t.Helper()
	res := p.expect(200, p.request("INVITE", "", offer(p.local, "sendrecv")+strings.Join(lines, "")))
	p.ack("")
	return string(res.Body())
}

// pairs waits until so many pairs of ports are in use.
func (s *server) pairs(want int) {
	s.t.Helper()
	wait.For(s.t, fmt.Sprintf("%d pairs of ports to be in use, not %d", want, s.pool.InUse()), func() bool { return s.pool.InUse() == want })
}

func TestVideoIsAccepted(t *testing.T) {
	for _, network := range []string{"UDP", "TCP"} {
		s := startVideo(t, withListen(Listen{strings.ToLower(network), "127.0.0.1:0"}))
		p := dial(t, network, s.addr(0))
		d, answer := s.watch(p, both(40002))
		if got := ports(answer); len(got) != 1 || got[0] != d.legPort(0) || !strings.Contains(answer, "VP8/90000") {
			t.Errorf("the answer is\n%s", answer)
		}
		if got := d.videos(t); len(got) != 1 || got[0].Line != 1 || got[0].State != rooms.VideoOn || got[0].Format != vp8 {
			t.Errorf("the room has %+v", got)
		}
		s.pairs(2)
		p.expect(200, p.request("BYE", "", ""))
		s.settled()
	}
}

// legPort is the port of a leg for video, -1 if there is none.
func (d *dialog) legPort(i int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i >= len(d.call.video.legs) {
		return -1
	}
	rtp, _ := d.call.video.legs[i].LocalPort()
	return rtp
}

// A phone without a codec of the room has audio, and the room knows why it has no video.
func TestVideoIsRefused(t *testing.T) {
	s := startVideo(t)
	p := dial(t, "UDP", s.addr(0))
	d, answer := s.watch(p, lineVP9(40002))
	if got := ports(answer); len(got) != 1 || got[0] != 0 || !d.negotiated().Audio {
		t.Errorf("the answer is\n%s", answer)
	}
	got := d.videos(t)
	if len(got) != 1 || got[0].State != rooms.VideoRefused || !strings.Contains(got[0].Why, "has vp9/0; wanted is vp8") {
		t.Errorf("the room has %+v", got)
	}
	s.pairs(1)
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
}

// Rooms without video refuse it as they always did.
func TestVideoIsNotToBeHad(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	d, answer := s.watch(p, both(40002))
	if got := ports(answer); len(got) != 1 || got[0] != 0 || d.videos(t) != nil {
		t.Errorf("the answer is\n%s", answer)
	}
	s.pairs(1)
	res := p.expect(200, p.request("INVITE", "", ""))
	if got := ports(string(res.Body())); len(got) != 1 || got[0] != 0 {
		t.Errorf("the offer is\n%s", res.Body())
	}
	p.ack(offer(p.local, "sendrecv") + lineVP8(0))
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
}

// Without ports for video there is sound, and it is counted and told.
func TestVideoWithoutPorts(t *testing.T) {
	small, err := transport.NewPortPool(20900, 20903, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := startVideo(t, func(c *Config) { c.Pool = small })
	p := dial(t, "UDP", s.addr(0))
	d, answer := s.watch(p, lineVP8(40002), lineVP8(40004), lineVP8(40006))
	if got := ports(answer); len(got) != 3 || got[0] == 0 || got[1] != 0 || got[2] != 0 {
		t.Errorf("the answer is\n%s", answer)
	}
	if got := d.videos(t); len(got) != 3 || got[2].State != rooms.VideoRefused || !strings.Contains(got[2].Why, "ports") {
		t.Errorf("the room has %+v", got)
	}
	if n := s.Stats().VideoNoPorts; n != 2 {
		t.Errorf("%d lines without ports were counted, want 2", n)
	}
	p.expect(200, p.request("BYE", "", ""))
	wait.For(t, "ports to be given back", func() bool { return small.InUse() == 0 })
}

// Lines come and go by re-INVITE, each with ports while it is in use.
func TestVideoLinesChange(t *testing.T) {
	s := startVideo(t)
	p := dial(t, "UDP", s.addr(0))
	d, _ := s.watch(p)
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
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
}

// More lines than the room gives a participant are refused.
func TestVideoLinesAreBounded(t *testing.T) {
	s := startVideo(t)
	p := dial(t, "UDP", s.addr(0))
	var lines []string
	for i := range 20 {
		lines = append(lines, lineVP8(40002+2*i))
	}
	_, answer := s.watch(p, lines...)
	most := s.registry.VideoPlan("any").Lines
	for i, port := range ports(answer) {
		if (port != 0) != (i < most) {
			t.Errorf("line %d has port %d, where %d are allowed", i, port, most)
		}
	}
	s.pairs(1 + most)
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
}

func TestVideoHold(t *testing.T) {
	s := startVideo(t)
	p := dial(t, "UDP", s.addr(0))
	d, _ := s.watch(p, lineVP8(40002))
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
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
}

// An INVITE without an offer gets one of sound and of video; the answer decides.
func TestVideoIsOffered(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		state  rooms.VideoState
		format media.VideoFormat
		pairs  int
	}{
		"taken":   {lineH264(40002), rooms.VideoOn, h264, 2},
		"refused": {lineH264(0), rooms.VideoRefused, media.VideoFormat{}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := startVideo(t)
			p := dial(t, "UDP", s.addr(0))
			res := p.invite("", "")
			if got := ports(string(res.Body())); len(got) != 1 || got[0] == 0 {
				t.Fatalf("the offer is\n%s", res.Body())
			}
			p.ack(offer(p.local, "sendrecv") + c.answer)
			d := s.dialogOf(p).confirmed(t)
			wait.For(t, "the answer to be in force", func() bool { return d.negotiated() != nil })
			if got := d.videos(t); len(got) != 1 || got[0].State != c.state || got[0].Format != c.format {
				t.Errorf("the room has %+v", got)
			}
			s.pairs(c.pairs)
			p.expect(200, p.request("BYE", "", ""))
			s.settled()
		})
	}
}

// An answer that leaves the choice among formats is followed by an offer of one.
func TestVideoIsNarrowed(t *testing.T) {
	s := startVideo(t)
	p := dial(t, "UDP", s.addr(0))
	p.invite("", "")
	p.ack(offer(p.local, "sendrecv") + both(40002))
	invite := p.await(sip.INVITE)
	if body := string(invite.Body()); !strings.Contains(body, "VP8") || strings.Contains(body, "H264") {
		t.Errorf("the offer is\n%s", body)
	}
	p.answer(invite, 200, "Contact: <sip:caller@"+p.local+">\n", offer(p.local, "sendrecv")+lineVP8(40002))
	p.await(sip.ACK)
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
}

// settle has a room take only a codec from now on, "" for none.
func (s *server) settle(room, codec string) {
	s.t.Helper()
	_, err := s.registry.Patch(short(s.t), rooms.Name(room), func(r *rooms.Settings) error {
		r.Video = rooms.VideoSettings{Off: codec == ""}
		if codec != "" {
			r.Video.Codecs = []string{codec}
		}
		return nil
	}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
}

func (p *peer) contactHeader() string { return "Contact: <sip:caller@" + p.local + ">\n" }

// take accepts a re-INVITE of the server's with a video line.
func (p *peer) take(line string) (invite *sip.Request) {
	p.t.Helper()
	invite = p.await(sip.INVITE)
	p.answer(invite, 200, p.contactHeader(), offer(p.local, "sendrecv")+line)
	p.await(sip.ACK)
	return invite
}

// becomes waits until the room has a line in a state and a format.
func (d *dialog) becomes(t *testing.T, state rooms.VideoState, format media.VideoFormat) {
	t.Helper()
	wait.For(t, fmt.Sprintf("the line to be %s with %v", state, format), func() bool {
		v := d.videos(t)
		return len(v) > 0 && v[0].State == state && v[0].Format == format
	})
}

func TestSetVideo(t *testing.T) {
	s := startVideo(t)
	p := dial(t, "UDP", s.addr(0))
	d, _ := s.watch(p, both(40002))
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
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
}

func TestSetVideoMeetsAnOffer(t *testing.T) {
	s := startVideo(t)
	p := dial(t, "UDP", s.addr(0))
	d, _ := s.watch(p, both(40002))
	s.settle(p.room, "h264")
	p.answer(p.await(sip.INVITE), 491, "", "")
	p.take(lineH264(40002))
	d.becomes(t, rooms.VideoOn, h264)
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
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
			for _, one := range []*peer{p, other} {
				one.expect(200, one.request("BYE", "", ""))
			}
			s.settled()
		})
	}
}

// An answer that cannot be is followed by an offer of everything.
func TestSetVideoIsAnsweredWrongly(t *testing.T) {
	s := startVideo(t)
	p := dial(t, "UDP", s.addr(0))
	d, _ := s.watch(p, both(40002))
	err := make(chan error, 1)
	go func() { err <- d.SetVideo(short(t), h264) }()
	p.answer(p.await(sip.INVITE), 200, p.contactHeader(), "")
	p.take(lineVP8(40002))
	if err := <-err; err == nil {
		t.Error("it is said to have changed")
	}
	d.becomes(t, rooms.VideoOn, vp8)
	s.pairs(2)
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
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
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
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
		invite := one.await(sip.INVITE)
		if body := string(invite.Body()); !strings.Contains(body, "H264") || strings.Contains(body, "VP8") || ports(body)[0] == 0 {
			t.Errorf("the offer is\n%s", body)
		}
		one.answer(invite, 200, one.contactHeader(), offer(one.local, "sendrecv")+lineH264(40002))
		one.await(sip.ACK)
	}
	for _, one := range []*peer{p, q, r} {
		d := s.dialogOf(one)
		d.becomes(t, rooms.VideoOn, h264)
		one.expect(200, one.request("BYE", "", ""))
	}
	s.settled()
}

// A CANCEL that comes while video is being taken away leaves it, ports and all.
func TestCancelledReinviteKeepsVideo(t *testing.T) {
	s := startVideo(t)
	p := dial(t, "UDP", s.addr(0))
	d, _ := s.watch(p, lineVP8(40002), lineVP8(40004))
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
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
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
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
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
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
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

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// INVITEs with long descriptions pass, over UDP in fragments.
func TestLongVideoOffer(t *testing.T) {
	for _, network := range []string{"UDP", "TCP"} {
		s := startVideo(t, withListen(Listen{strings.ToLower(network), "127.0.0.1:0"}))
		p := dial(t, network, s.addr(0))
		line := both(40002)
		for pt := 98; pt < 127; pt++ {
			line = strings.Replace(line, "AVP 96 97", fmt.Sprintf("AVP 96 97 %d", pt), 1) +
				fmt.Sprintf("a=rtpmap:%d H264/90000\na=fmtp:%d profile-level-id=64%04x;packetization-mode=1;max-mbps=108000;max-fs=3600\n", pt, pt, pt) +
				fmt.Sprintf("a=rtcp-fb:%d nack pli\na=rtcp-fb:%d ccm fir\n", pt, pt)
		}
		if len(line) < 4000 {
			t.Fatalf("the line has only %d bytes", len(line))
		}
		if _, answer := s.watch(p, line); ports(answer)[0] == 0 {
			t.Errorf("over %s, the answer is\n%s", network, answer)
		}
		p.expect(200, p.request("BYE", "", ""))
		s.settled()
	}
}

// Whatever changes at the same time, every request is answered and nothing stays.
func TestVideoRaces(t *testing.T) {
	s := startVideo(t)
	p := dial(t, "UDP", s.addr(0))
	d, _ := s.watch(p, both(40002))
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

// Codecs, directions and addresses are told to the transport as they were agreed on.
func TestVideoParams(t *testing.T) {
	key := &offeranswer.Crypto{}
	v := offeranswer.Video{
		Accepted: true, Format: vp8, SendPT: 96, SendRTX: 97, Receive: map[uint8]uint8{96: 96, 97: 96},
		Feedback:    offeranswer.VideoFeedback{NACK: true, TMMBR: true},
		ReducedSize: true, TransportCCID: 1, FrameMarkingID: 2, RIDID: 3, RepairedRIDID: 4, MIDID: 5, MID: "v",
		RemoteRTP: netip.MustParseAddrPort("192.0.2.1:4000"), RemoteRTCP: netip.MustParseAddrPort("192.0.2.1:4001"),
		Direction: offeranswer.SendOnly, RemoteHold: true,
		RIDs: []string{"a", "b", "c", "d", "e"}, SSRCs: []offeranswer.VideoSource{{SSRC: 1, RTX: 2}}, Bandwidth: 500000,
	}
	want := transport.VideoParams{
		RemoteRTP: v.RemoteRTP, RemoteRTCP: v.RemoteRTCP, Send: true, Latch: transport.LatchBounded,
		ReceivePTs: []uint8{96}, ReceiveRTX: []transport.RTXType{{PT: 97, Original: 96}}, SendPT: 96, SendRTX: 97,
		NACK: true, TMMBR: true, ReducedSize: true,
		TransportCCID: 1, FrameMarkingID: 2, RIDID: 3, RepairedRIDID: 4, MIDID: 5, MID: "v", RIDs: v.RIDs[:transport.MaxEncodings],
	}
	if p := videoParams(&v); !reflect.DeepEqual(p, want) {
		t.Errorf("the parameters are %+v, want %+v", p, want)
	}
	if _, err := transport.PrepareVideo(want); err != nil {
		t.Error(err)
	}
	line := forwarder.LineConfig{Format: vp8, NACK: true, Send: true, Muted: true, MaxBitrate: 500000, Encodings: 4}
	if got := lineConfig(&v); got != line {
		t.Errorf("the line is %+v, want %+v", got, line)
	}

	// The other half: who names no encodings is told apart by SSRC.
	v.RIDs, v.Direction, v.RTCPMux, v.SRTP = nil, offeranswer.RecvOnly, true, key
	v.Feedback = offeranswer.VideoFeedback{PLI: true, FIR: true, REMB: true, TransportCC: true}
	p := videoParams(&v)
	if p.Send || !p.Receive || p.NACK || !p.PLI || !p.FIR || p.TMMBR || !p.REMB || !p.TransportCC || !p.RTCPMux || p.SRTP == nil {
		t.Errorf("the parameters are %+v", p)
	}
	if !slices.Equal(p.SSRCs, []transport.VideoSSRC{{Main: 1, RTX: 2}}) || lineConfig(&v).Encodings != 1 {
		t.Errorf("the sources are %+v", p.SSRCs)
	}
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
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
}

// The room lets go of a leg before another line has it: the leg belongs to the forwarder's
// worker until then.
func TestALegIsVacatedForAnotherLine(t *testing.T) {
	s := startVideo(t)
	p := dial(t, "UDP", s.addr(0))
	d, _ := s.watch(p, lineVP8(40002), lineVP8(40004))
	d.mu.Lock()
	leg := d.call.video.legs[0]
	err := d.call.vacate(short(t), []videoLine{{VideoMedia: rooms.VideoMedia{Line: 3, Port: leg}, leg: leg}})
	d.mu.Unlock()
	if got := d.videos(t); err != nil || len(got) != 1 || got[0].Line != 2 {
		t.Errorf("the room still has %+v: %v", got, err)
	}
	p.expect(200, p.request("BYE", "", ""))
	s.settled()
}
