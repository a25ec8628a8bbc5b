package focus

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/media"
	"github.com/confd/confd/rooms"
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

// viewing is a server, and a peer with video lines that is in a room of it.
func viewing(t *testing.T, lines ...string) (*server, *peer, *dialog) {
	t.Helper()
	s := startVideo(t)
	p := dial(t, "UDP", s.addr(0))
	d, _ := s.watch(p, lines...)
	return s, p, d
}

// leave hangs peers up, and waits until nothing of them is left.
func (s *server) leave(all ...*peer) {
	s.t.Helper()
	for _, p := range all {
		p.expect(200, p.request("BYE", "", ""))
	}
	s.settled()
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

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
